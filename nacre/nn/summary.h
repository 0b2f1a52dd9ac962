// The table of a network's layers.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "nacre/nn/layer.h"

namespace nacre::nn {

struct SummaryRow {
  std::string path;  // "block/conv_1"
  std::string kind;  // "Conv2d"
  Spec output;
  std::int64_t parameters = 0;  // elements, frozen ones included
  double multiply_adds = 0;     // of products and convolutions, for these inputs
};

struct Summary {
  std::vector<SummaryRow> rows;  // in the order in which the layers are called
  std::int64_t parameters = 0;
  std::int64_t trainable = 0;
  std::size_t bytes = 0;  // of all parameters and buffers
  double multiply_adds = 0;
};

// Calls the network on symbols (no arithmetic is done) in inference mode; parameters that do not
// exist yet are made. Throws what the layers throw.
Summary summarize(Layer& network, const std::vector<Spec>& inputs);

// A table with one line a layer and the totals below.
std::string to_string(const Summary& summary);
std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace nacre::nn
