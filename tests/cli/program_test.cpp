// Whole commands, as a user types them.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/data/image/image.h"
#include "nacre/data/loader.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"
#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

class Program : public CommandTest {};

TEST_F(Program, TrainsJudgesUsesAndReports) {
  const std::string text =
      good({"train", "--data", "digits", "--epochs", "8", "--out", "r", "--set",
            "run.tensorboard=true", "--set", "train.metrics=accuracy,top_5_accuracy"});
  EXPECT_NE(text.find("epoch 8/8"), std::string::npos) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos) << "a line that moves, though this is no terminal";
  for (const char* file :
       {"config.json", "environment.json", "history.jsonl", "summary.txt", "checkpoints",
        "best.safetensors", "model.safetensors", "evaluation.json", "tensorboard"}) {
    EXPECT_TRUE(fs::exists(folder_ / "r" / file)) << file;
  }
  const Json evaluation = json({"eval", "r"});
  EXPECT_GT(evaluation["metrics"]["accuracy"].get<double>(), 0.88);
  EXPECT_GT(evaluation["metrics"]["top_5_accuracy"], evaluation["metrics"]["accuracy"]);
  // Training printed the same model's numbers.
  const Json written = Json::parse(contents(folder_ / "r/evaluation.json"));
  EXPECT_DOUBLE_EQ(written["metrics"]["accuracy"].get<double>(),
                   evaluation["metrics"]["accuracy"].get<double>());
  const Json answers = json({"predict", "r", "digits:0", "digits:1", "--top", "2"});
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_EQ(answers[0]["classes"].size(), 2u);
  EXPECT_GE(answers[0]["classes"][0]["probability"], answers[0]["classes"][1]["probability"]);
  good({"report", "r"});
  EXPECT_NE(contents(folder_ / "r/report.html").find("data:image/png;base64"), std::string::npos);
  EXPECT_EQ(json({"summary", "r"})["layers"].size(), 4u);
  // A copied model file needs nothing else.
  fs::copy_file(folder_ / "r/best.safetensors", folder_ / "alone.safetensors");
  EXPECT_EQ(json({"predict", "alone.safetensors", "digits:0"})[0]["classes"][0]["name"],
            answers[0]["classes"][0]["name"]);
}

TEST_F(Program, PredictsEveryRowOfATable) {
  std::string rows = "size,colour,price\n";
  for (int i = 0; i < 120; ++i) {
    const double size = (i * 37 % 100) / 10.0;
    const bool red = i % 3 == 0;
    rows += std::to_string(size) + (red ? ",red," : ",blue,") +
            std::to_string(2 * size + (red ? 3 : 0)) + "\n";
  }
  write_file(folder_ / "houses.csv", rows);
  good({"train", "--data", "houses.csv", "--epochs", "60", "--out", "r", "--set",
        "train.learning_rate=0.01", "--quiet"});
  EXPECT_LT(json({"eval", "r"})["metrics"]["mae"].get<double>(), 0.5);
  // The loss has no unit: 1 would be as good as the mean of all prices.
  EXPECT_LT(json({"eval", "r"})["metrics"]["loss"].get<double>(), 0.05);
  // Columns in another order, one of them new, without the price: by their names.
  write_file(folder_ / "new.csv", "colour,owner,size\nblue,A,2.0\nred,B,4.0\nblue,C,6.0\n");
  const Json answers = json({"predict", "r", "new.csv"});
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_NEAR(answers[0]["values"][0].get<double>(), 4, 1);
  EXPECT_NEAR(answers[1]["values"][0].get<double>(), 11, 1);
  EXPECT_NEAR(answers[2]["values"][0].get<double>(), 12, 1);
  // A row whose price is missing is a row to predict.
  write_file(folder_ / "some.csv", "size,colour,price\n2,blue,4\n4,red,\n");
  const Json some = json({"predict", "r", "some.csv"});
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0]["truth"], "4");
  EXPECT_EQ(json({"eval", "r", "--data", "some.csv"})["samples"], 1);

  write_file(folder_ / "short.csv", "length,owner\n2,A\n");
  bad({"predict", "r", "short.csv"}, 1, {"short.csv", "\"size\"", "\"colour\"", "owner"});
  bad({"eval", "r", "--data", "short.csv"}, 1, {"short.csv", "\"colour\""});
  write_file(folder_ / "texts.csv", "size,colour,price\nbig,blue,4\n");
  bad({"predict", "r", "texts.csv"}, 1,
      {"texts.csv", "row 2, column 1 (size)", "a number expected", "\"big\""});
  write_file(folder_ / "ragged.csv", "size,colour,price\n1,blue\n");
  bad({"predict", "r", "ragged.csv"}, 1, {"ragged.csv", "row 2"});
  write_file(folder_ / "empty.csv", "");
  bad({"predict", "r", "empty.csv"}, 1, {"empty.csv", "empty"});
  bad({"train", "--data", "empty.csv"}, 1, {"empty.csv", "empty"});
  bad({"predict", "r", "nothing.csv"}, 1, {"nothing.csv", "no such file"});
  bad({"train", "--data", "houses.csv", "--set", "data.target=prize"}, 2, {"prize", "price"});
  bad({"train", "--data", "houses.csv", "--set", "data.task=clustering"}, 2, {"data.task"});
  bad({"train", "--data", "houses.csv", "--set", "train.loss=nll"}, 2, {"nll", "mse"});
}

TEST_F(Program, ClassifiesATableWithALossByName) {
  std::string rows = "a,b,kind\n";
  for (int i = 0; i < 120; ++i) {
    const bool good = i % 2 == 0;
    rows += std::to_string((good ? 2.0 : -2.0) + (i % 7) * 0.3) + "," + std::to_string(i % 5) +
            (good ? ",good\n" : ",bad\n");
  }
  write_file(folder_ / "k.csv", rows);
  for (const char* loss : {"sparse_categorical_crossentropy", "sparse_categorical_focal"}) {
    const Json result = json(
        {"train", "--data", "k.csv", "--epochs", "15", "--set", std::string("train.loss=") + loss});
    EXPECT_GT(result["metrics"]["accuracy"].get<double>(), 0.9) << loss;
  }
  write_file(folder_ / "new.csv", "a,b\n3,1\n-1,1\n");
  const Json answers = json({"predict", "runs/k-auto-1", "new.csv"});
  EXPECT_EQ(answers[0]["classes"][0]["name"], "good");
  EXPECT_EQ(answers[1]["classes"][0]["name"], "bad");
  EXPECT_EQ(json({"data", "show", "k.csv"})["class_names"], Json({"bad", "good"}));
}

TEST_F(Program, ATableSaysWhatItIsTakenFor) {
  std::string rows = "code,x,kind\n";
  for (int i = 0; i < 90; ++i) {
    rows += "00" + std::to_string(i % 3) + "," + (i == 7 ? "-" : std::to_string(i % 9) + ".5") +
            (i % 3 ? ",good\n" : ",bad\n");
  }
  write_file(folder_ / "t.csv", rows);
  const Finished show = run_program(folder_.path(), {"data", "show", "t.csv"});
  EXPECT_EQ(show.code, 0);
  for (const char* part : {"codes", "000, 001, 002", "warning: column \"x\": \"-\" among numbers",
                           "row 9", "89 of 90 cells are numbers", "\"kind\" (the last column)"}) {
    EXPECT_NE(show.output.find(part), std::string::npos) << part << ": " << show.output;
  }
  const Json asked =
      json({"data", "show", "t.csv", "--set", "data.types=code=number", "--set", "data.missing=-"});
  EXPECT_EQ(asked["columns"][0]["type"], "number");
  EXPECT_EQ(asked["columns"][1]["missing"], 1);
  EXPECT_TRUE(asked["warnings"].empty());
  // The codes tell the classes apart, in a file of one row too.
  EXPECT_EQ(run_program(folder_.path(), {"train", "--data", "t.csv", "--epochs", "30", "--out", "r",
                                         "--set", "train.learning_rate=0.05"})
                .code,
            0);
  write_file(folder_ / "one.csv", "code,x\n000,2\n");
  EXPECT_EQ(json({"predict", "r", "one.csv"})[0]["classes"][0]["name"], "bad");
  write_file(folder_ / "one.csv", "code,x\n777,2\n");
  const Finished unknown = run_program(folder_.path(), {"predict", "r", "one.csv"});
  EXPECT_EQ(unknown.code, 0);
  EXPECT_NE(unknown.output.find("\"777\""), std::string::npos) << unknown.output;
  // A table in a recipe; what is wrong with the target comes after the schema.
  write_file(folder_ / "r.toml", "[data]\npath = \"t.csv\"\n[data.types]\ncode = \"numbr\"\n");
  bad({"train", "r.toml"}, 2, {"numbr", "did you mean \"number\""});
  write_file(folder_ / "one_class.csv", "x,kind\n1,a\n2,a\n3,a\n");
  bad({"data", "show", "one_class.csv"}, 1, {"column", "one class only (\"a\")"});
}

// Where cells are wrong, what the columns were taken for comes first, then all that is wrong.
TEST_F(Program, ATableWithFaultsIsShownWithAllOfThem) {
  std::string rows = "size,age,colour,kind\n";
  for (int i = 0; i < 60; ++i) {
    rows += std::to_string(i) + (i == 30 ? ",inf" : ",4" + std::to_string(i % 10) + ".5") + ",red" +
            (i == 40 ? ""
             : i % 2 ? ",a"
                     : ",b") +
            "\n";
  }
  write_file(folder_ / "t.csv", rows);
  const Finished f = run({"data", "show", "t.csv"});
  EXPECT_EQ(f.code, 1);
  const auto schema = f.output.find("all 59 cells are numbers");
  const auto ragged = f.output.find("row 42: 3 columns, the first row has 4");
  const auto infinite = f.output.find("row 32, column 2 (age): \"inf\"");
  EXPECT_LT(schema, ragged) << f.output;
  EXPECT_NE(schema, std::string::npos) << f.output;
  EXPECT_NE(ragged, std::string::npos) << f.output;
  EXPECT_NE(infinite, std::string::npos) << f.output;
  const Finished with_json = run({"data", "show", "t.csv", "--json"});
  EXPECT_EQ(with_json.code, 1);
  const Json json = Json::parse(with_json.output);
  EXPECT_EQ(json["columns"].size(), 4u);
  EXPECT_EQ(json["problems"].size(), 2u) << json;
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_NE(json["error"].get<std::string>().find("t.csv"), std::string::npos);
  // Of thousands the first.
  std::string all = "a,b\n";
  for (int i = 0; i < 3000; ++i) all += i % 2 ? "1,2\n" : "1\n";
  write_file(folder_ / "many.csv", all);
  const Finished many = run({"data", "show", "many.csv", "--json"});
  EXPECT_EQ(Json::parse(many.output)["problems"].size(), 21u);
  EXPECT_NE(many.output.find("and 1480 more"), std::string::npos) << many.output;
  // A target that is wrong: with --json, too, the schema is there.
  write_file(folder_ / "one.csv", "x,kind\n1,a\n2,a\n3,a\n");
  const Finished one = run({"data", "show", "one.csv", "--json"});
  EXPECT_EQ(one.code, 1);
  EXPECT_EQ(Json::parse(one.output)["columns"].size(), 2u);
}

// The categories that training does not teach are warned of, in training and evaluation.
TEST_F(Program, CategoriesWithoutTrainingAreTold) {
  std::string rows = "x,colour,kind\n";
  for (int i = 0; i < 80; ++i) {
    rows += std::to_string(i % 9) + ",c" + std::to_string(i) + (i % 2 ? ",a\n" : ",b\n");
  }
  write_file(folder_ / "t.csv", rows);
  const Json trained = json({"train", "--data", "t.csv", "--epochs", "1", "--out", "r"});
  const std::string warnings = trained["warnings"].dump();
  for (const char* part : {"validation rows: column \\\"colour\\\"", "test rows: column",
                           "16 of 16 cells hold categories", "data row", ", ..."}) {
    EXPECT_NE(warnings.find(part), std::string::npos) << part << ": " << warnings;
  }
  EXPECT_NE(json({"eval", "r"})["warnings"].dump().find("test rows"), std::string::npos);
  write_file(folder_ / "new.csv", "x,colour\n1,unheard\n");
  EXPECT_NE(json({"predict", "r", "new.csv"}).dump().find("unheard"), std::string::npos);
}

TEST_F(Program, AFolderIsWhatMostOfItsFilesAre) {
  if (!data::have_images()) GTEST_SKIP() << "built without pictures";
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::string("set/") + (i % 2 ? "a/" : "b/") + std::to_string(i);
    fs::create_directories((folder_ / name).parent_path());
    data::write_png(folder_ / (name + ".PNG"),
                    Tensor::from(std::vector<std::uint8_t>(3 * 64, i % 2 ? 250 : 5), {3, 8, 8}));
    if (i < 6) write_file(folder_ / (name + ".txt"), "a note");
  }
  const Finished f = run_program(folder_.path(), {"train", "--data", "set", "--epochs", "1"});
  EXPECT_EQ(f.code, 0) << f.output;
  EXPECT_NE(f.output.find("left out: 6 texts (a/1.txt, ...)"), std::string::npos) << f.output;
  bad({"train", "--data", "set/a"}, 1, {"set/a"});
  fs::create_directories(folder_ / "outer");
  fs::rename(folder_ / "set", folder_ / "outer/set");
  bad({"train", "--data", "outer"}, 1, {"one class only (\"set\")", "folders within"});
}

TEST_F(Program, UsesAModelMadeInAProgram) {
  const auto [train, test] = data::load("digits");
  Model model{nn::Sequential{nn::Flatten{}, nn::Dense{{.units = 10, .activation = softmax}}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy()});
  data::Loader batches(train, {.batch_size = 64, .shuffle = true});
  model.fit(batches, {.epochs = 3, .verbose = 0});
  model.save(folder_ / "digits.safetensors");
  const Json found = json({"predict", "digits.safetensors", "digits:0"});
  const std::vector<float> expected =
      model.predict(stack({test.get(0).inputs[0]})).to_vector<float>();
  const auto best = std::max_element(expected.begin(), expected.end());
  EXPECT_EQ(found[0]["classes"][0]["name"], std::to_string(best - expected.begin()));
  EXPECT_NEAR(found[0]["classes"][0]["probability"].get<double>(), *best, 1e-5);
}

TEST_F(Program, ReadsPicturesAsTrainingDid) {
  if (!data::have_images()) GTEST_SKIP() << "built without pictures";
  // Red and blue squares, in several sizes; the model takes 16 x 16.
  for (const char* name : {"blue", "red"}) {
    fs::create_directories(folder_ / "set" / name);
    const bool red = std::string(name) == "red";
    for (int i = 0; i < 12; ++i) {
      const std::int64_t side = 14 + i;
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * side * side), 20);
      const auto plane = static_cast<std::size_t>(side * side);
      const std::size_t first = red ? 0 : 2 * plane;
      for (std::size_t p = 0; p < plane; ++p) {
        pixels[first + p] = static_cast<std::uint8_t>(180 + 5 * i);
      }
      data::write_png(folder_ / "set" / name / (std::to_string(i) + ".png"),
                      Tensor::from(pixels, {3, side, side}));
    }
  }
  const Json result =
      json({"train", "--data", "set/", "--epochs", "6", "--augment", "flip,crop", "--batch-size",
            "4", "--set", "data.image_size=16", "--set", "data.limit=14", "--model", "mlp"});
  EXPECT_EQ(result["run"], "runs/set-mlp-1");
  EXPECT_EQ(result["metrics"]["accuracy"], 1.0);
  const Json answers = json({"predict", "runs/set-mlp-1", "set/red/9.png", "set/blue/2.png"});
  EXPECT_EQ(answers[0]["classes"][0]["name"], "red");
  EXPECT_EQ(answers[1]["classes"][0]["name"], "blue");
  EXPECT_EQ(json({"eval", "runs/set-mlp-1", "--data", "set"})["samples"], 24);
  good({"report", "runs/set-mlp-1"});

  const std::string whole = contents(folder_ / "set/red/9.png");
  write_file(folder_ / "cut.png", whole.substr(0, whole.size() / 2));
  bad({"predict", "runs/set-mlp-1", "cut.png"}, 1, {"cut.png"});
  write_file(folder_ / "text.png", "this is no picture");
  bad({"predict", "runs/set-mlp-1", "text.png"}, 1, {"text.png"});
  fs::create_directories(folder_ / "other/green");
  fs::copy_file(folder_ / "set/red/9.png", folder_ / "other/green/9.png");
  bad({"eval", "runs/set-mlp-1", "--data", "other"}, 1, {"green", "blue, red"});
  bad({"train", "--data", "digits", "--augment", "flipp"}, 2, {"flipp", "\"flip\""});
}

// What is written over begins with a carriage return; no part of it may wrap.
TEST_F(Program, ProgressFitsTheTerminal) {
  for (const int columns : {40, 63, 200}) {
    const Finished f = run_in_terminal(folder_.path(),
                                       {"train", "--data", "digits", "--epochs", "2", "--set",
                                        "train.metrics=accuracy,top_5_accuracy,f1"},
                                       columns);
    ASSERT_EQ(f.code, 0) << f.output;
    const std::string text = f.output.substr(f.output.find("epoch 1/2"),
                                             f.output.find("test:") - f.output.find("epoch 1/2"));
    std::size_t lines = 0;
    for (std::size_t at = 0; at < text.size(); ++lines) {
      const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
      EXPECT_LT(end - at, static_cast<std::size_t>(columns)) << text.substr(at, end - at);
      at = end + 1;
    }
    EXPECT_GE(lines, 4u) << text;
    EXPECT_NE(text.find("val_top_5_accuracy"), std::string::npos) << text;
    EXPECT_NE(text.find("samples/s"), std::string::npos) << text;
  }
}

TEST_F(Program, ExplainsWrongUse) {
  bad({}, 2, {"--help"});
  bad({"trian"}, 2, {"unknown command \"trian\"", "did you mean \"train\"?", "nacre --help"});
  bad({"models", "--jsn"}, 2, {"unknown option \"--jsn\"", "\"--json\"", "nacre models --help"});
  bad({"train", "--epoch", "3"}, 2, {"\"--epoch\"", "\"--epochs\""});
  bad({"data", "lst"}, 2, {"\"list\"", "nacre data --help"});
  bad({"data", "show"}, 2, {"name is required", "nacre data show --help"});
  bad({"train", "--data", "digits", "--epochs", "abc"}, 2,
      {"\"train.epochs\" must be a whole number, not \"abc\""});
  bad({"train", "a.toml", "b.toml"}, 2, {"one argument too many: \"b.toml\""});
  bad({"train"}, 2, {"no data given"});
  bad({"train", "--data", "digitz"}, 2, {"digitz", "\"digits\""});
  bad({"train", "--data", "./nothing.csv"}, 2, {"./nothing.csv", "no such file"});
  bad({"train", "nothing.toml"}, 1, {"nothing.toml"});
  bad({"train", "--data", "digits", "--model", "mlpp"}, 2, {"mlpp", "\"mlp\""});
  bad({"train", "--data", "digits", "--set", "train.metrics=acuracy"}, 2, {"acuracy", "accuracy"});
  bad({"train", "--data", "digits", "--set", "train.optimizer=adm"}, 2, {"adm", "\"adam\""});
  bad({"train", "--data", "digits", "--set", "train.schedule=cosin"}, 2, {"cosin", "\"cosine\""});
  bad({"train", "--data", "digits", "--precision", "f17"}, 2, {"train.precision", "bf16"});
  bad({"train", "--data", "digits", "--set", "data.task=regression"}, 2, {"data.task"});
  bad({"train", "--data", "digits", "--set",
       R"(model.layers=[{"type":"flatten"},{"type":"dense","units":5}])"},
      2, {"10 classes", "units = 10"});
  bad({"train", "--data", "digits", "--set", "train.learning_rate=1e30", "--quiet"}, 1,
      {"the loss is ", "learning rate", "epoch 1"});
  bad({"eval", "nothing"}, 1, {"nothing"});
  bad({"report", "nothing"}, 1, {"nothing"});
  bad({"train", "--resume", "nothing"}, 1, {"nothing", "config.json"});
  write_file(folder_ / "broken.safetensors", "0123456789");
  bad({"predict", "broken.safetensors", "digits:0"}, 1, {"broken.safetensors"});
  good({"train", "--data", "digits", "--epochs", "1", "--out", "once", "--quiet"});
  bad({"train", "--data", "digits", "--out", "once"}, 2, {"once", "--resume"});
  bad({"train", "--resume", "once", "--data", "digits"}, 2, {"--resume"});
  bad({"predict", "once", "digits:99999"}, 2, {"360"});
  bad({"predict", "once", "iris:0"}, 1, {"iris:0", "samples of shape"});
}

TEST_F(Program, StopsEarlyAndTrainsFromRecipes) {
  write_file(
      folder_ / "r.toml",
      "[data]\nname = \"iris\"\n[model]\nlayers = [{ type = \"dense\", units = 16, activation = "
      "\"relu\" }, { type = \"dense\", units = 3, activation = \"softmax\" }]\n"
      "[train]\nepochs = 300\nearly_stopping = 3\nlearning_rate = 0.05\n"
      "schedule = \"one_cycle\"\nlabel_smoothing = 0.1\n[run]\ndirectory = \"iris\"\n");
  // A setting after the recipe, and one before it.
  const Json result =
      json({"train", "--set", "train.seed=3", "r.toml", "--set", "train.batch_size=16"});
  EXPECT_GT(result["metrics"]["accuracy"].get<double>(), 0.8);
  const std::string lines = contents(folder_ / "iris/history.jsonl");
  EXPECT_LT(std::count(lines.begin(), lines.end(), '\n'), 300);
  const Json config = Json::parse(contents(folder_ / "iris/config.json"));
  EXPECT_EQ(config["train"]["seed"], 3);
  EXPECT_EQ(config["train"]["batch_size"], 16);
}

TEST_F(Program, TellsThePrecisionAndWhy) {
  good({"train", "--data", "digits", "--epochs", "1", "--precision", "auto", "--out", "r"});
  const Json machine = Json::parse(contents(folder_ / "r/environment.json"));
  const std::string text = machine["precision"];
  EXPECT_NE(text.find("(auto: "), std::string::npos) << text;
  // What was chosen stays, on whatever machine the run goes on.
  const Json config = Json::parse(contents(folder_ / "r/config.json"));
  EXPECT_EQ(config["train"]["precision"], text.substr(0, text.find(' ')));
  EXPECT_NE(good({"train", "--resume", "r", "--epochs", "2"}).find(text), std::string::npos);
  good({"report", "r"});
  EXPECT_NE(contents(folder_ / "r/report.html").find("(auto: "), std::string::npos);
  good({"eval", "r"});
}

TEST_F(Program, TellsWhatThereIs) {
  EXPECT_GE(json({"data", "list"}).size(), 6u);
  EXPECT_EQ(json({"data", "show", "digits"})["train"], 1437);
  EXPECT_GE(json({"models"}).size(), 4u);
  EXPECT_TRUE(json({"doctor"}).is_object());
  EXPECT_NE(good({"--help"}).find("Exit codes"), std::string::npos);
  for (const char* command : {"train", "eval", "predict", "summary", "data", "report"}) {
    EXPECT_NE(good({command, "--help"}).find("Example: nacre"), std::string::npos) << command;
  }
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder_ / "set" / name);
    for (int i = 0; i < 10; ++i) {
      write_file(folder_ / "set" / name / (std::to_string(i) + ".txt"), "x");
    }
  }
  EXPECT_EQ(json({"data", "split", "set", "--out", "parts"}),
            Json({{"train", 16}, {"test", 4}, {"warnings", Json::array()}}));
  bad({"data", "split", "set", "--out", "parts"}, 1, {"parts", "not empty"});
}

}  // namespace
}  // namespace nacre::test
