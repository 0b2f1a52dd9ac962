#include "cli/train_run.h"

#include <fmt/format.h>

#include "cli/doctor.h"
#include "cli/judge.h"
#include "cli/run_directory.h"
#include "cli/stop_signals.h"
#include "cli/train_checks.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/threads.h"
#include "nacre/base/utf8.h"
#include "nacre/io/checkpoint.h"
#include "nacre/nn/initializer.h"
#include "nacre/run/generator.h"
#include "nacre/train/callbacks.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

CallbackPtr stop_when_asked() {
  return make_callback({.on_batch_end = [](TrainingState& state) {
    if (StopSignals::asked()) state.stop = true;
  }});
}

// What goes wrong during training is no wrong usage, whatever its kind. `begun` becomes true when
// there is something to go on from.
History train_on(Model& model, data::Loader& batches, const SourceFitOptions& options,
                 const fs::path& run, const bool& begun) {
  try {
    return model.fit(batches, options);
  } catch (const ValueError& e) {
    throw Error(e.what());
  } catch (const IoError& e) {
    if (!begun) throw;  // it was not accepted
    throw IoError(
        fmt::format("{}\n  what was saved before is whole; go on with: nacre train --resume {}",
                    e.what(), run.string()));
  }
}

// Layers that do not fit the data are a wrong recipe, whatever finds it.
nn::Summary summary_of(Model& model, const Spec& batch) {
  try {
    return model.summary(batch);
  } catch (const ShapeError& e) {
    throw ValueError(e.what());
  } catch (const DTypeError& e) {
    throw ValueError(e.what());
  }
}

std::string stem_of(const Recipe& recipe) {
  const std::string data =
      recipe.data.name.empty()
          ? (fs::absolute(recipe.data.path) / "").lexically_normal().parent_path().stem().string()
          : recipe.data.name;
  return as_utf8(data) + "-" + (recipe.model.layers.empty() ? recipe.model.name : "custom");
}

nlohmann::json environment_json() {
  nlohmann::json out;
  for (const auto& [name, value] : environment()) out[name] = value;
  return out;
}

// How a precision was chosen when the run began, else now.
std::string told_precision(const fs::path& run, bool resumes, const TrainRecipe& recipe) {
  std::string precision = precision_text(recipe);
  if (resumes && fs::exists(run / "environment.json")) {
    const std::string name = (run / "environment.json").string();
    const nlohmann::json before = read_json(name);
    if (const auto then = JsonView(before, name).find("precision")) precision = then->text();
  }
  return precision;
}

void print_next_steps(const fs::path& run, zoo::Task task, const Console& console) {
  const bool language = task == zoo::Task::language;
  console.say(fmt::format(
      "\nNext:\n  nacre report {0}      a page with curves{1}\n"
      "  nacre {2}\n"
      "  nacre train --resume {0} --epochs N   train on\n",
      run.string(), language ? " and samples" : ", confusion matrix and mistakes",
      language ? fmt::format("generate {} --prompt TEXT   go on with a text", run.string())
               : fmt::format("predict {} FILE   use the model", run.string())));
}

}  // namespace

void TrainRun::lock(const fs::path& run) {
  lock_.emplace(run);
  if (!lock_->held()) {
    console_.warn(run.string() + ": the file system has no locks: let no other process work there");
  }
}

void TrainRun::claim(const fs::path& run) {
  if (!fs::exists(run / "config.json")) {
    throw IoError(run.string() + ": no run directory: it holds no config.json");
  }
  lock(run);
}

// The data, and the layers for it.
void TrainRun::open() {
  setup_ = begun_ ? open_run_data(*begun_, recipe_.run.directory)
                  : open_data(recipe_.data, recipe_.train.seed);
  warnings_ = warnings_of(setup_);
  for (const std::string& warning : warnings_) console_.warn(warning);
  if (!quiet_) {
    for (const std::string& note : setup_.findings.notes) console_.say(printable(note));
  }
  layers_ = begun_ ? begun_->layers : layers_for(recipe_.model, setup_);
}

void TrainRun::choose_folder() {
  run_ = recipe_.run.directory.empty() ? new_run_directory(stem_of(recipe_))
                                       : fs::path(recipe_.run.directory);
  if (!resumes_) {
    lock(run_);
    expect_no_run(run_);
  }
  recipe_.run.directory = run_.string();
}

// A resumed run stays with what was chosen at its beginning.
void TrainRun::settle_precision() {
  precision_ = told_precision(run_, resumes_, recipe_.train);
  if (recipe_.train.precision == "auto") {
    recipe_.train.precision = uses_bfloat16(Precision::automatic) ? "bf16" : "f32";
  }
}

void TrainRun::tell(const nn::Summary& network) const {
  if (silent_) return;
  console_.say(fmt::format("{}\n{} training, {} validation, {} test samples; run {}\n{}\n",
                           nn::to_string(network), with_thousands(setup_.train.size()),
                           with_thousands(setup_.validation.size()),
                           with_thousands(setup_.test.size()), run_.string(),
                           precision_ == "f32" ? "" : "precision " + precision_ + "\n"));
}

int TrainRun::train(Recipe recipe, bool resumes) {
  recipe_ = std::move(recipe);
  resumes_ = resumes;
  if (resumes) {
    begun_ = read_run_setup(recipe_.run.directory);
    expect_unchanged(begun_->recipe, recipe_);
    expect_checkpoint(recipe_.run.directory, recipe_, console_, silent_);  // else fit() tells
  }
  if (recipe_.run.threads > 0) set_threads(recipe_.run.threads);
  open();
  data::Loader batches = training_batches(recipe_, setup_);
  // Here and not earlier: what was opened or described before may have drawn numbers, and a run
  // that goes on describes nothing anew.
  manual_seed(recipe_.train.seed);
  Model model = make_model(recipe_, layers_, setup_.task, batches.batches() * recipe_.train.epochs);
  Spec batch = setup_.input;
  batch.shape = Shape{recipe_.train.batch_size};
  for (const std::int64_t d : setup_.input.shape) batch.shape.push_back(d);
  const nn::Summary network = summary_of(model, batch);
  check_outputs(network, setup_);
  summary_ = nn::to_string(network);
  choose_folder();
  settle_precision();
  tell(network);
  const SourceFitOptions fit = fit_options();
  const History history = train_on(model, batches, fit, run_, training_);
  return finish(model, history);
}

SourceFitOptions TrainRun::fit_options() {
  const std::string watched = setup_.validation.empty() ? "loss" : "val_loss";
  SourceFitOptions fit{
      .epochs = recipe_.train.epochs,
      .verbose = silent_ ? 0 : 1,
      .checkpoint = {.folder = run_ / "checkpoints", .every_steps = recipe_.train.checkpoint_every},
      .resume = resumes_};
  fit.callbacks = {
      make_callback({.on_train_begin = [this](TrainingState& s) { begin(s); }}), stop_when_asked(),
      json_lines_log(run_ / "history.jsonl"),
      best_weights({.monitor = watched, .direction = Direction::down, .save = [this](Model& m) {
                      save("best.safetensors", m);
                    }})};
  if (recipe_.train.early_stopping > 0) {
    fit.callbacks.push_back(
        early_stopping({.monitor = watched, .patience = recipe_.train.early_stopping}));
  }
  if (recipe_.run.tensorboard) fit.callbacks.push_back(tensorboard_log(run_ / "tensorboard"));
  if (!setup_.validation.empty()) {
    validation_.emplace(setup_.validation, data::LoaderOptions{.batch_size = 256});
    fit.validation_source = &*validation_;
  }
  return fit;
}

// The first checkpoint is that of the untrained network: from here on there always is one to go on
// from.
void TrainRun::begin(TrainingState& state) {
  remove_leftovers(run_);
  if (!resumes_) {
    write_file(run_ / "setup.json", to_json(make_run_setup(recipe_, setup_, layers_, run_)));
    write_file(run_ / "summary.txt", summary_);
  }
  nlohmann::json machine = environment_json();
  machine["precision"] = precision_;
  write_file(run_ / "environment.json", json_text(machine, "environment.json", 2));
  write_file(run_ / "config.json", to_json(recipe_));
  const io::CheckpointFolder checkpoints(run_ / "checkpoints", CheckpointOptions{}.keep);
  if (checkpoints.steps().empty()) {
    io::Checkpoint first;
    for (const auto& [name, value] : state.model.training_state()) {
      first.tensors.push_back({name, value});
    }
    checkpoints.save(first);
  }
  training_ = true;
  if (StopSignals::asked()) state.stop = true;
}

void TrainRun::save(const char* file, Model& model) const {
  zoo::save_model(run_ / file, model, setup_.input, setup_.task, setup_.info);
}

int TrainRun::finish(Model& model, const History& history) {
  save("model.safetensors", model);
  if (const int signal = StopSignals::asked()) {
    console_.say("\n");  // below the line that moves
    return console_.fail(128 + signal,
                         "stopped and saved; go on with: nacre train --resume " + run_.string());
  }
  if (!silent_ && static_cast<std::int64_t>(history.epochs.size()) < recipe_.train.epochs) {
    console_.say(fmt::format("\nended by early stopping after epoch {}\n", history.epochs.size()));
  }
  // Of a text the end is often kept for validation alone: what the model writes is worth seeing.
  const bool validated = setup_.test.empty() && setup_.task == zoo::Task::language;
  const data::Dataset& judged = validated ? setup_.validation : setup_.test;
  if (judged.empty()) {
    console_.print(
        "\nno test samples: nothing to evaluate",
        {{"run", run_.string()}, {"metrics", nlohmann::json::object()}, {"warnings", warnings_}});
    return kOk;
  }
  return evaluate(model, judged, validated ? "validation" : "test");
}

// The numbers are those of the model that `eval` and `predict` take: the best one.
int TrainRun::evaluate(Model& model, const data::Dataset& judged, const char* part) {
  zoo::SavedModel best = zoo::load_model(model_path(run_.string()));
  model.load_state(nn::values_of(best.model.state()));
  const nlohmann::json evaluation = judge(model, judged, setup_.info, setup_.task, 256);
  write_file(run_ / "evaluation.json", json_text(evaluation, "evaluation.json"));
  if (console_.json) {
    console_.print(
        "", {{"run", run_.string()}, {"metrics", evaluation["metrics"]}, {"warnings", warnings_}});
    return kOk;
  }
  std::string line;
  for (const auto& [name, value] : evaluation["metrics"].items()) {
    line += fmt::format("{}{} {:.4f}", line.empty() ? "" : ", ", name, value.get<double>());
  }
  console_.say(fmt::format("\n{}: {} ({} samples)\n", part, line, with_thousands(judged.size())));
  if (!quiet_) print_next_steps(run_, setup_.task, console_);
  return kOk;
}

}  // namespace nacre::cli
