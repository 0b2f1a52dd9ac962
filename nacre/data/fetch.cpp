#include "nacre/data/fetch.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "nacre/base/durable.h"
#include "nacre/base/error.h"
#include "nacre/base/sha256.h"
#include "nacre/data/named.h"
#include "nacre/data/tar.h"

#ifdef NACRE_WITH_FETCH
#include <curl/curl.h>
#endif

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

RemoteFile idx_file(const char* file, std::uint64_t bytes, const char* sha256,
                    std::vector<std::string> folders) {
  for (std::string& folder : folders) folder += file;
  return {std::move(folders), file, bytes, sha256, false};
}

// What has come so far of a file.
fs::path part_of(const fs::path& target) { return target.string() + ".download"; }
fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

// Tells how far another one is who downloads the file.
std::function<void()> waiting_for(const RemoteFile& file, const fs::path& target,
                                  const FetchProgress& progress) {
  return [&file, part = part_of(target), &progress] {
    std::error_code error;
    const std::uint64_t done = fs::file_size(part, error);
    if (progress && !error) progress(file.file, std::min(done, file.bytes), file.bytes);
  };
}

}  // namespace

std::vector<RemoteFile> remote_files(const std::string& name) {
  describe(name);
  if (name == "mnist") {
    // The first address is the author's, which often refuses; the second is the usual mirror.
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
  if (name == "fashion-mnist") {
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
  const std::string kriz = "https://www.cs.toronto.edu/~kriz/";
  if (name == "cifar-10") {
    return {{{kriz + "cifar-10-binary.tar.gz"},
             "cifar-10-binary.tar.gz",
             170052171,
             "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
             true}};
  }
  if (name == "cifar-100") {
    return {{{kriz + "cifar-100-binary.tar.gz"},
             "cifar-100-binary.tar.gz",
             168513733,
             "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
             true}};
  }
  return {};
}

#ifdef NACRE_WITH_FETCH
namespace {

struct Download {
  std::FILE* out;
  std::uint64_t have;  // bytes in the file
  const RemoteFile* file;
  const FetchProgress* progress;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* user) {
  auto& download = *static_cast<Download*>(user);
  const std::size_t n = size * count;
  if (download.have + n > download.file->bytes) return 0;  // too long: stop at once
  if (std::fwrite(data, 1, n, download.out) != n) return 0;
  download.have += n;
  if (*download.progress) {
    (*download.progress)(download.file->file, download.have, download.file->bytes);
  }
  return n;
}

bool is_network_problem(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
}

// Continues `part` from one address. Returns an empty text, or why it did not work.
std::string download(const std::string& address, const RemoteFile& file, const fs::path& part,
                     const FetchProgress& progress) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::error_code none;
  std::uint64_t have = fs::exists(part, none) ? fs::file_size(part, none) : 0;
  if (have > file.bytes) {
    fs::remove(part, none);
    have = 0;
  }
  if (have == file.bytes) return {};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(part.c_str(), "ab"),
                                                            std::fclose);
  if (!out) throw_io(part.string(), "cannot write");
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw IoError("fetch: libcurl does not start");
  Download state{out.get(), have, &file, &progress};
  CURL* c = curl.get();
  char message[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(c, CURLOPT_URL, address.c_str());
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 100L);  // bytes a second, for
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);    // so many seconds: given up
  curl_easy_setopt(c, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(have));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &state);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "nacre");
  const CURLcode code = curl_easy_perform(c);
  if (std::fflush(out.get()) != 0 || ::fsync(::fileno(out.get())) != 0) {
    throw_io(part.string(), std::string("cannot write: ") + std::strerror(errno));
  }
  if (code == CURLE_OK) return {};
  if (code == CURLE_WRITE_ERROR && state.have == have) {
    // Not what is expected from its first bytes on, as the page of a login portal.
    return fmt::format("{}: another size than the {} bytes expected", address, file.bytes);
  }
  return fmt::format("{}: {}{}", address, message[0] ? message : curl_easy_strerror(code),
                     is_network_problem(code) ? " (is there a network?)" : "");
}

bool is_whole(const RemoteFile& file, const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == file.bytes &&
         sha256_of_file(path) == file.sha256;
}

// Two that download the same file do so one after the other: the second sees how far the first is,
// and finds the file there.
void fetch_in_turn(const RemoteFile& file, const fs::path& target, const FetchProgress& progress) {
  if (is_whole(file, target)) return;
  std::error_code error;
  const fs::path part = part_of(target);
  std::string reasons;
  for (const std::string& address : file.addresses) {
    std::string reason = download(address, file, part, progress);
    if (reason.empty()) {
      const std::uint64_t size = fs::exists(part, error) ? fs::file_size(part, error) : 0;
      const std::string sum = size == file.bytes ? sha256_of_file(part) : "";
      if (sum == file.sha256) {
        fs::rename(part, target, error);
        if (error) throw_io(target.string(), "cannot write: " + error.message());
        sync_folder(folder_of(target));
        return;
      }
      fs::remove(part, error);
      reason = fmt::format("{}: {} bytes with SHA-256 {} came, {} bytes with {} are expected",
                           address, size, sum.empty() ? "?" : sum, file.bytes, file.sha256);
    }
    reasons += "\n  " + reason;
  }
  throw_io(target.filename().string(), "could not be downloaded" + reasons,
           "run it again to continue where it broke off, or put the file into " +
               folder_of(target).string() + " by hand");
}

}  // namespace

bool have_fetch() { return true; }

void fetch_file(const RemoteFile& file, const fs::path& target, const FetchProgress& progress) {
  make_folders(folder_of(target));
  const FileTurn turn(target, waiting_for(file, target, progress));
  fetch_in_turn(file, target, progress);
}

#else

bool have_fetch() { return false; }

namespace {
void fetch_in_turn(const RemoteFile& file, const fs::path&, const FetchProgress&) {
  throw_io(file.file, "this program was built without downloads",
           "build it with NACRE_WITH_FETCH=ON, or get " + file.addresses[0] + " by hand");
}
}  // namespace

void fetch_file(const RemoteFile& file, const fs::path& target, const FetchProgress& progress) {
  fetch_in_turn(file, target, progress);
}

#endif

fs::path fetch(const std::string& name, const FetchProgress& progress) {
  const fs::path folder = cache_folder() / name;
  const char* mirror = std::getenv("NACRE_MIRROR");
  for (RemoteFile file : remote_files(name)) {
    if (mirror && *mirror) file.addresses = {fmt::format("{}/{}/{}", mirror, name, file.file)};
    const fs::path target = folder / file.file;
    make_folders(folder);
    const FileTurn turn(target, waiting_for(file, target, progress));
    std::error_code missing;
    const bool here = fs::exists(target, missing) && fs::file_size(target, missing) == file.bytes;
    // An archive that is still there was not unpacked to its end.
    if (file.unpack && !here && !find_set(name).empty()) continue;
    if (!here) fetch_in_turn(file, target, progress);
    if (file.unpack) {
      unpack_tar(target, folder);
      fs::remove(target, missing);
    }
  }
  return folder;
}

}  // namespace nacre::data
