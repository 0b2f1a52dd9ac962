// Pictures, sounds and texts, and their way into a model.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/base/error.h"
#include "nacre/base/random.h"
#include "nacre/data/files/tar.h"
#include "nacre/data/loader.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/named.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;

Tensor noise_picture(std::int64_t channels, std::int64_t h, std::int64_t w) {
  RandomStream random(5);
  Tensor out({u8, {channels, h, w}});
  for (auto& v : out.mutable_data<std::uint8_t>()) v = static_cast<std::uint8_t>(random.bits());
  return out;
}

TEST(Image, PngRoundTrip) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  for (const std::int64_t channels : {1, 3}) {
    const Tensor image = noise_picture(channels, 5, 7);
    const std::string png = encode_png(image);
    const Tensor back = decode_image(bytes_of(png), "x");
    EXPECT_EQ(back.spec(), image.spec());
    EXPECT_EQ(back.to_vector<std::uint8_t>(), image.to_vector<std::uint8_t>());
    EXPECT_EQ(decode_image(bytes_of(png), "x", 1).size(0), 1);
    EXPECT_EQ(decode_image(bytes_of(png), "x", 3).size(0), 3);
  }
  const Tensor floats = tensor({{0, 0.5}, {1, 2}});
  EXPECT_EQ(decode_image(bytes_of(encode_png(floats)), "x").to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{0, 128, 255, 255}));
  EXPECT_THROW(encode_png(zeros({2, 3, 3}, u8)), ShapeError);
  EXPECT_THROW(decode_image(bytes_of(encode_png(floats)), "x", 2), ValueError);
}

TEST(Image, DamageIsAnIoError) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  test::batter(encode_png(noise_picture(3, 9, 9)),
               [](const std::string& b) { decode_image(bytes_of(b), "t"); });
  expect_error<IoError>([] { decode_image(bytes_of("GIF89a"), "t"); }, {"t: neither PNG nor JPEG"});
  expect_error<IoError>([] { decode_image({}, "t"); }, {"empty"});
}

TEST(Image, JpegsOfCifar) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  NACRE_NEED_PANTRY(archive, "cifar10-jpg.tar");
  const test::TemporaryFolder folder;
  Input input(archive);
  int taken = 0;
  // The first pictures of the archive only; an IoError would end the test, so stopping is one.
  try {
    unpack_tar(input, [&](const std::string& name) {
      if (name.ends_with(".jpg") && ++taken > 20) throw IoError("enough");
      return name.ends_with(".jpg") ? folder / name : std::filesystem::path();
    });
  } catch (const IoError& e) {
    ASSERT_STREQ(e.what(), "enough");
  }
  std::filesystem::path root = folder.path();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.path().extension() == ".jpg") root = entry.path().parent_path().parent_path();
  }
  const LabelledFiles files = list_classes(root, {".jpg"});
  const Tensor image = read_image(files.files[0]);
  EXPECT_EQ(image.spec(), (Spec{u8, {3, 32, 32}}));
  const Dataset set = image_folder(root).train;
  EXPECT_EQ(set.size(), 20);
  EXPECT_EQ(set.all().inputs[0].shape(), (Shape{20, 3, 32, 32}));
  test::batter(
      read_file(files.files[0]), [](const std::string& b) { decode_image(bytes_of(b), "t"); }, 100,
      300);
  const std::string whole = read_file(files.files[0]);
  expect_error<IoError>([&] { decode_image(bytes_of(whole).first(whole.size() - 200), "t"); },
                        {"t: damaged JPEG"});
}

TEST(Image, ResizeKeepsFlatPicturesAndMeans) {
  const Tensor flat = full({3, 10, 6}, 200, u8);
  for (const Fit fit : {Fit::stretch, Fit::crop, Fit::pad}) {
    const Tensor out = resize_image(flat, 7, 9, fit, 200);
    EXPECT_EQ(out.shape(), (Shape{3, 7, 9}));
    for (const auto v : out.data<std::uint8_t>()) ASSERT_EQ(v, 200);
  }
  // Halving with a triangle of twice the width: every input counts, edges are cut.
  const Tensor ramp = tensor({{{0, 1, 2, 3, 4, 5, 6, 7}}});
  const auto half = resize_image(ramp, 1, 4).to_vector<float>();
  EXPECT_NEAR(half[1], 2.5, 1e-6);
  EXPECT_NEAR(half[2], 4.5, 1e-6);
  EXPECT_NEAR(half[0], (0.75 * 0 + 0.75 * 1 + 0.25 * 2) / 1.75, 1e-6);
  // Doubling is linear between pixel centres.
  const auto twice = resize_image(tensor({{{0, 4}}}), 1, 4).to_vector<float>();
  EXPECT_EQ(twice, (std::vector<float>{0, 1, 3, 4}));
  const Tensor padded = resize_image(full({1, 2, 4}, 9, u8), 4, 4, Fit::pad, 0);
  EXPECT_EQ(padded.to_vector<std::int32_t>(),
            (std::vector<std::int32_t>{0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0}));
  EXPECT_EQ(resize_image(ramp, 1, 1, Fit::crop).item(), 3.5f);
  EXPECT_THROW(resize_image(flat, 0, 3), ValueError);
}

TEST(ImageFolder, PartsAndClasses) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  const test::TemporaryFolder folder;
  for (const char* name :
       {"train/cat/1.png", "train/cat/2.PNG", "train/dog/1.png", "val/dog/1.png"}) {
    write_png(folder / name, noise_picture(3, 6, 8));
  }
  write_file(folder / "train/.hidden/x.png", "no");
  const Parts parts = image_folder(folder.path(), {.channels = 1, .height = 4, .width = 4});
  EXPECT_EQ(parts.train.size(), 3);
  EXPECT_EQ(parts.train.labels(), (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(parts.train.input_specs()[0], (Spec{f32, {1, 4, 4}}));
  EXPECT_EQ(parts.validation.labels(), (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(parts.test.empty());
  const Preprocess form = Preprocess::from_json(parts.train.info().preprocessing, "m");
  EXPECT_EQ(form.kind(), "image");
  EXPECT_EQ(form.read(folder / "train/dog/1.png").to_vector<float>(),
            parts.train.get(2).inputs[0].to_vector<float>());
  write_png(folder / "val/cow/1.png", noise_picture(3, 6, 8));
  expect_error<IoError>([&] { image_folder(folder.path()); }, {"cow", "cat dog"});
  expect_error<IoError>([&] { image_folder(folder / "val/dog"); }, {"no files", "CLASS"});
  expect_error<IoError>([&] { image_folder(folder / "none"); }, {"none"});
}

Tensor tone(double hertz, int rate, std::int64_t n) {
  Tensor out({f32, {1, n}});
  for (std::int64_t i = 0; i < n; ++i) {
    out.mutable_data<float>()[static_cast<std::size_t>(i)] = static_cast<float>(
        0.5 * std::sin(2 * 3.14159265358979 * hertz * static_cast<double>(i) / rate));
  }
  return out;
}

TEST(Sound, WavRoundTripAndDamage) {
  if (!have_sound()) GTEST_SKIP() << "built without sound";
  const Tensor x = tone(440, 8000, 500);
  const std::string wav = encode_wav(x, 8000);
  const Sound back = decode_sound(bytes_of(wav), "x");
  EXPECT_EQ(back.rate, 8000);
  ASSERT_EQ(back.samples.spec(), x.spec());
  for (std::size_t i = 0; i < 500; ++i) {
    ASSERT_NEAR(back.samples.data<float>()[i], x.data<float>()[i], 1e-4);
  }
  expect_error<IoError>([&] { decode_sound(bytes_of(wav).first(700), "t"); }, {"t: ", "cut off"});
  expect_error<IoError>([] { decode_sound(bytes_of("not a sound at all"), "t"); },
                        {"no sound file"});
  test::batter(
      wav, [](const std::string& b) { decode_sound(bytes_of(b), "t"); }, 100, 300);
}

TEST(Sound, ResampleKeepsTones) {
  const Tensor up = resample(tone(440, 8000, 800), 8000, 16000);
  const Tensor want = tone(440, 16000, 1600);
  ASSERT_EQ(up.shape(), (Shape{1, 1600}));
  for (std::size_t i = 200; i < 1400; ++i) {
    ASSERT_NEAR(up.data<float>()[i], want.data<float>()[i], 2e-3) << i;
  }
  // What the lower rate cannot hold vanishes instead of folding back.
  const Tensor down = resample(tone(7000, 16000, 1600), 16000, 8000);
  for (std::size_t i = 100; i < 700; ++i) ASSERT_NEAR(down.data<float>()[i], 0, 5e-3);
  EXPECT_THROW(resample(up, 0, 1), ValueError);
}

TEST(Sound, FormAndMel) {
  const Sound stereo{tensor({{1, 1, 1}, {0, 0.5, 1}}), 100};
  const SoundForm form{.rate = 100, .length = 5, .mono = true};
  EXPECT_EQ(shape_sound(stereo, form).to_vector<float>(), (std::vector<float>{0.5, 0.75, 1, 0, 0}));
  const auto mel = mel_step({.rate = 8000, .window = 256, .hop = 100, .bands = 32});
  const Tensor x = tone(1000, 8000, 456);
  const Spec spec = mel->output(x.spec());
  EXPECT_EQ(spec, (Spec{f32, {1, 32, 3}}));
  Tensor out(spec);
  RandomStream none(0);
  mel->apply(x.raw_data(), x.spec(), out.raw_mutable_data(), none);
  // 1000 Hz is mel 1000, half the rate is mel 2146: band 1000 / 2146 * 33 - 1 = 14.4.
  int loudest = 0;
  for (int b = 0; b < 32; ++b) {
    if (out.data<float>()[static_cast<std::size_t>(3 * b)] >
        out.data<float>()[static_cast<std::size_t>(3 * loudest)]) {
      loudest = b;
    }
  }
  EXPECT_EQ(loudest, 14);
  EXPECT_THROW(mel_step({.window = 100}), ValueError);
  EXPECT_THROW(mel->output({f32, {1, 100}}), ShapeError);
}

TEST(Sound, SpokenDigits) {
  if (!have_sound()) GTEST_SKIP() << "built without sound";
  NACRE_NEED_PANTRY(archive, "fsdd.tar");
  const test::TemporaryFolder folder;
  Input input(archive);
  unpack_tar(input, [&](const std::string& name) {
    const bool few = name.ends_with("_0.wav") && name.find("jackson") != name.npos;
    return few ? folder / name : std::filesystem::path();
  });
  const Dataset set =
      sound_folder(folder / "recordings", {.rate = 8000, .length = 4000}, true).train;
  EXPECT_EQ(set.size(), 10);
  EXPECT_EQ(set.info().class_names[7], "7");
  EXPECT_EQ(set.all().inputs[0].shape(), (Shape{10, 1, 4000}));
}

TEST(Text, WordsAndCharacters) {
  const TextEncoder words =
      TextEncoder::fit({"The cat, the dog!", "a cat"}, {.length = 4, .most_words = 2});
  EXPECT_EQ(words.tokens("It's GOOD, really"),
            (std::vector<std::string>{"it's", "good", ",", "really"}));
  EXPECT_EQ(words.size(), 4);
  EXPECT_EQ(words.numbers("the cat sat"), (std::vector<std::int64_t>{3, 2, 1}));
  EXPECT_EQ(words.encode("cat").to_vector<std::int64_t>(), (std::vector<std::int64_t>{2, 0, 0, 0}));
  EXPECT_EQ(words.encode("cat cat cat cat cat").elements(), 4);
  EXPECT_EQ(words.decode({3, 2, 0}), "the cat");
  const TextEncoder back = TextEncoder::from_json(words.to_json(), "m");
  EXPECT_EQ(back.numbers("the cat sat"), words.numbers("the cat sat"));
  const TextEncoder letters =
      TextEncoder::fit({"abab\xc3\xa4"}, {.level = TextOptions::Level::character, .length = 2});
  EXPECT_EQ(letters.size(), 5);
  EXPECT_EQ(letters.decode(letters.numbers("b\xc3\xa4")), "b\xc3\xa4");
  const Batch all = sequence_set("ababa", letters).all();
  EXPECT_EQ(all.inputs[0].to_vector<std::int64_t>(), (std::vector<std::int64_t>{2, 3, 2, 3}));
  EXPECT_EQ(all.targets[0].to_vector<std::int64_t>(), (std::vector<std::int64_t>{3, 2, 3, 2}));
  EXPECT_THROW(sequence_set("a", letters), ValueError);
  EXPECT_THROW(TextEncoder::from_json("{}", "m"), IoError);
}

TEST(Text, Readers) {
  const test::TemporaryFolder folder;
  write_file(folder / "l.txt", "good\tfine film\nbad\tno\n\ngood\tyes\n");
  const LabelledText lines = read_labelled_lines(folder / "l.txt");
  EXPECT_EQ(lines.class_names, (std::vector<std::string>{"bad", "good"}));
  EXPECT_EQ(lines.labels, (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(lines.texts[0], "fine film");
  write_file(folder / "b.txt", "good\tx\noops\n");
  expect_error<IoError>([&] { read_labelled_lines(folder / "b.txt"); }, {"text 2", "oops"});
  write_file(folder / "set/x/1.txt", "one");
  write_file(folder / "set/y/1.txt", "two");
  EXPECT_EQ(read_text_folder(folder / "set").texts, (std::vector<std::string>{"one", "two"}));
  write_file(folder / "zero", std::string("a\0b", 3));
  expect_error<IoError>([&] { read_text(folder / "zero"); }, {"byte 1 is zero"});
}

TEST(Text, MovieReviews) {
  NACRE_NEED_PANTRY(folder, "text/rt-polarity");
  const LabelledText text = read_class_files(
      {{"negative", folder / "rt-polarity.neg"}, {"positive", folder / "rt-polarity.pos"}});
  EXPECT_EQ(text.texts.size(), 10662u);
  const Dataset set = text_set(text, TextEncoder::fit(text.texts, {.length = 32}));
  EXPECT_EQ(set.input_specs()[0], (Spec{i64, {32}}));
  EXPECT_EQ(Preprocess::from_json(set.info().preprocessing, "m").encode("a film").shape(),
            (Shape{1, 32}));
}

TEST(Preprocess, EveryKindGoesThroughJson) {
  const test::TemporaryFolder folder;
  write_file(folder / "t.csv", "x,y\n1,a\n2,b\n");
  const TableEncoder encoder = TableEncoder::fit(read_csv(folder / "t.csv"));
  const Preprocess table = Preprocess::from_json(Preprocess(encoder).to_json(), "m");
  EXPECT_EQ(table.kind(), "table");
  EXPECT_EQ(table.read(folder / "t.csv").to_vector<float>(), (std::vector<float>{-1, 1}));
  write_file(folder / "bare.csv", "2\n1\n2\n");
  EXPECT_EQ(table.read(folder / "bare.csv").to_vector<float>(), (std::vector<float>{1, -1, 1}));
  const Preprocess sound(SoundForm{.rate = 100, .length = 7, .mono = false});
  EXPECT_EQ(Preprocess::from_json(sound.to_json(), "m").to_json(), sound.to_json());
  EXPECT_THROW(sound.encode("x"), ValueError);
  for (const char* set : {"digits", "iris"}) {
    const std::string json = load(set).train.info().preprocessing;
    EXPECT_EQ(Preprocess::from_json(json, "m").to_json(), json);
  }
  expect_error<IoError>([] { Preprocess::from_json("{\"kind\":\"smell\"}", "m"); },
                        {"m: ", "smell"});
  expect_error<IoError>([] { Preprocess::from_json("{", "m"); }, {"m: ", "damaged"});
  test::batter(sound.to_json(), [](const std::string& b) { Preprocess::from_json(b, "t"); });
}

}  // namespace
}  // namespace nacre::data
