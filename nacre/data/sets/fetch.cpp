#include "nacre/data/sets/fetch.h"

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
#include "nacre/data/files/tar.h"
#include "nacre/data/sets/named.h"

#ifdef NACRE_WITH_FETCH
#include <curl/curl.h>
#endif

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

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
