// All layers.
#pragma once

#include "nacre/nn/activation.h"
#include "nacre/nn/dense.h"
#include "nacre/nn/initializer.h"
#include "nacre/nn/layer.h"
#include "nacre/nn/sequential.h"
#include "nacre/nn/summary.h"
