// The page that `nacre report` writes: one self-contained HTML file about a run.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nacre::cli {

// A test sample that the model got wrong with confidence.
struct Mistake {
  std::string png;   // the picture in base64, or empty: goes into the page as it is
  std::string text;  // or what the row says
  std::string truth;
  std::string predicted;
  double probability = 0;  // of the wrong answer; NaN: not finite
};

struct Report {
  std::string title;
  std::string model_summary;  // the layer table
  std::string config;         // JSON
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::map<std::string, double>> history;  // an epoch each; "epoch", "loss", "val_loss"
  std::vector<std::pair<std::string, double>> evaluation;
  std::vector<std::vector<long long>> confusion;
  std::vector<std::string> class_names;
  std::vector<Mistake> mistakes;
  std::vector<std::string> texts;  // that a model of a language wrote
};

// A page that runs no script and loads nothing: a Content-Security-Policy in it forbids both, and
// all texts are escaped. `report` must be as read_evaluation and its like leave it.
std::string report_html(const Report& report);

}  // namespace nacre::cli
