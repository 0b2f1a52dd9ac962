// All of Nacre's public interface.
#pragma once

#include "nacre/nn/api.h"
#include "nacre/ops/api.h"
#include "nacre/optim/lbfgs.h"
#include "nacre/run/compile.h"
#include "nacre/run/custom_vjp.h"
#include "nacre/run/generator.h"
#include "nacre/run/grad.h"
#include "nacre/run/profile.h"
#include "nacre/run/tape.h"
#include "nacre/run/transforms.h"
#include "nacre/run/variable.h"
#include "nacre/train/callbacks.h"
#include "nacre/train/model.h"
