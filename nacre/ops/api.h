// All functions on tensors.
#pragma once

#include "nacre/ops/activation.h"
#include "nacre/ops/conv.h"
#include "nacre/ops/custom.h"
#include "nacre/ops/dropout.h"
#include "nacre/ops/elementwise.h"
#include "nacre/ops/linalg.h"
#include "nacre/ops/linear.h"
#include "nacre/ops/matmul.h"
#include "nacre/ops/movement.h"
#include "nacre/ops/pool.h"
#include "nacre/ops/random.h"
#include "nacre/ops/reduce.h"
#include "nacre/ops/softmax.h"
#include "nacre/ops/special.h"
#include "nacre/ops/structural.h"
