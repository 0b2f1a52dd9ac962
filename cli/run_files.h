// What a run left in its folder, read back. Such files may come from anybody: types, sizes and
// ranges are checked, and every IoError names the file and the key or line.
#pragma once

#include <cstddef>
#include <string>

#include "cli/report.h"

namespace nacre::cli {

// What `judge` writes and these read: more is left out there and refused here.
constexpr std::size_t kMostConfusionClasses = 1000;
constexpr std::size_t kMostMistakes = 24;
constexpr std::size_t kMostTexts = 64;
constexpr std::int64_t kMostPictureSide = 256;                  // points
constexpr std::size_t kMostPictureText = std::size_t{1} << 20;  // characters of base64

// evaluation.json: metrics, confusion matrix, class names, worst mistakes.
void read_evaluation(const std::string& text, const std::string& name, Report& report);
// history.jsonl: a line an epoch. Only a last line without its end, of a run that was killed while
// it wrote, is passed over. Lines of epochs that were done again count once.
void read_history(const std::string& text, const std::string& name, Report& report);
// environment.json: names and values.
void read_environment(const std::string& text, const std::string& name, Report& report);

}  // namespace nacre::cli
