// Texts that a model of a language writes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nacre/data/text/language.h"
#include "nacre/train/generate.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {

// How a model reads text. Throws ValueError when it is no model of a language.
data::LanguageForm language_of(const zoo::SavedModel& saved, const std::string& name);

// What of a text the model has no token for, as a warning; empty for nothing.
std::string unknown_in(const data::LanguageForm& form, const std::string& text);

struct WritingOptions {
  std::int64_t texts = 1;
  std::vector<std::string> stop = {};
  GenerateOptions generate = {};
};
// What the model writes behind the prompt; lines end with their line. `write` is given each piece
// of text as it comes, with the number of its text.
std::vector<std::string> write_texts(
    Model& model, const data::LanguageForm& form, const std::string& prompt,
    const WritingOptions& options,
    const std::function<void(std::size_t text, const std::string& piece)>& write = {});

}  // namespace nacre::cli
