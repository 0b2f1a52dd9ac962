// LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
// 1998.
#include "nacre/data/sets/idx_pictures.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

NamedSet load_mnist(const std::filesystem::path& folder) {
  return load_idx_pictures("mnist", digit_names(), folder);
}

// The first address is the author's, which often refuses; the second is the usual mirror.
std::vector<RemoteFile> files() {
  const std::vector<std::string> from = {"http://yann.lecun.com/exdb/mnist/",
                                         "https://storage.googleapis.com/cvdf-datasets/mnist/"};
  return {idx_file("train-images-idx3-ubyte.gz", 9912422,
                   "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", from),
          idx_file("train-labels-idx1-ubyte.gz", 28881,
                   "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", from),
          idx_file("t10k-images-idx3-ubyte.gz", 1648877,
                   "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", from),
          idx_file("t10k-labels-idx1-ubyte.gz", 4542,
                   "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", from)};
}

}  // namespace

const SetRow& mnist_set() {
  static const SetRow row{.description = {.name = "mnist",
                                          .what = "handwritten digits, 28x28 grey",
                                          .source = "yann.lecun.com/exdb/mnist",
                                          .licence = "CC BY-SA 3.0",
                                          .train = 60000,
                                          .test = 10000,
                                          .classes = 10,
                                          .fetched = true},
                          .load = load_mnist,
                          .files = files(),
                          .witnesses = idx_witnesses()};
  return row;
}

}  // namespace nacre::data
