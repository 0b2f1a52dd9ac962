// All layers. Made by `make docs` from the headers beside it.
#pragma once

#include "nacre/nn/activation.h"
#include "nacre/nn/conv.h"
#include "nacre/nn/dense.h"
#include "nacre/nn/dropout.h"
#include "nacre/nn/embedding.h"
#include "nacre/nn/initializer.h"
#include "nacre/nn/layer.h"
#include "nacre/nn/norm.h"
#include "nacre/nn/pool.h"
#include "nacre/nn/prelu.h"
#include "nacre/nn/recurrent.h"
#include "nacre/nn/rescaling.h"
#include "nacre/nn/sequential.h"
#include "nacre/nn/shape.h"
#include "nacre/nn/summary.h"
