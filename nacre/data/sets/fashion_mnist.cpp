// Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
// algorithms", 2017.
#include "nacre/data/sets/idx_pictures.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

NamedSet load_fashion_mnist(const std::filesystem::path& folder) {
  return load_idx_pictures("fashion-mnist",
                           {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
                            "Shirt", "Sneaker", "Bag", "Ankle boot"},
                           folder);
}

std::vector<RemoteFile> files() {
  const std::vector<std::string> from = {
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"};
  return {idx_file("train-images-idx3-ubyte.gz", 26421880,
                   "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", from),
          idx_file("train-labels-idx1-ubyte.gz", 29515,
                   "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", from),
          idx_file("t10k-images-idx3-ubyte.gz", 4422102,
                   "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", from),
          idx_file("t10k-labels-idx1-ubyte.gz", 5148,
                   "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", from)};
}

}  // namespace

const SetRow& fashion_mnist_set() {
  static const SetRow row{.description = {.name = "fashion-mnist",
                                          .what = "clothes, 28x28 grey",
                                          .source = "Debian package dataset-fashion-mnist, or "
                                                    "github.com/zalandoresearch/fashion-mnist",
                                          .licence = "MIT",
                                          .train = 60000,
                                          .test = 10000,
                                          .classes = 10,
                                          .fetched = true},
                          .load = load_fashion_mnist,
                          .files = files(),
                          .witnesses = idx_witnesses(),
                          .debian_package = "dataset-fashion-mnist",
                          .package_folder = "/usr/share/datasets/fashion-mnist"};
  return row;
}

}  // namespace nacre::data
