#include "nacre/base/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace nacre {
namespace {

namespace fs = std::filesystem;

// A mounted hierarchy of control groups: `group`, a path inside of it, is visible at `point`.
struct Mount {
  bool v2;
  std::string group;
  std::string point;
};

bool lists(const std::string& comma_separated, std::string_view word) {
  std::istringstream in(comma_separated);
  for (std::string item; std::getline(in, item, ',');) {
    if (item == word) return true;
  }
  return false;
}

// The kernel writes blanks and backslashes of a path as \040.
std::string unescape(const std::string& text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Lines as "36 35 98:0 /group /point rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate".
std::vector<Mount> mounts(const fs::path& root) {
  std::vector<Mount> found;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::istringstream front(line.substr(0, dash));
    std::istringstream back(line.substr(dash + 3));
    std::string skip, group, point, type, options;
    if (!(front >> skip >> skip >> skip >> group >> point)) continue;
    if (!(back >> type >> skip >> options)) continue;
    const bool v2 = type == "cgroup2";
    if (v2 || (type == "cgroup" && lists(options, "cpu"))) {
      found.push_back({v2, unescape(group), unescape(point)});
    }
  }
  return found;
}

// The process's group in a hierarchy, "" when it is in none: lines as "4:cpu,cpuacct:/user.slice"
// and, of version 2, "0::/user.slice".
std::string own_group(const fs::path& root, bool v2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() && line.substr(0, first) == "0" : lists(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "";
}

double read_number(const fs::path& file) {
  std::ifstream in(file);
  double number = 0;
  return in >> number ? number : 0;
}

// What one group says, in processors; 0 when it sets no limit.
CpuQuota quota_of(const fs::path& folder, bool v2) {
  double quota = 0;
  double period = 0;
  const fs::path file = folder / (v2 ? "cpu.max" : "cpu.cfs_quota_us");
  if (v2) {
    std::ifstream in(file);
    in >> quota >> period;  // "max 100000" is no number: no limit
    if (!in) return {};
  } else {
    quota = read_number(file);  // -1: no limit
    period = read_number(folder / "cpu.cfs_period_us");
  }
  if (!(quota > 0 && period > 0)) return {};
  return {quota / period, file.string()};
}

}  // namespace

CpuQuota cpu_quota(const fs::path& root) {
  CpuQuota least;
  for (const Mount& mount : mounts(root)) {
    // The part of the group's path that lies below what is mounted. A container may see its own
    // group as the mount's root, or groups outside of it as "/../..": then the mount is all there
    // is.
    std::string below = own_group(root, mount.v2);
    if (mount.group != "/") {
      below = below.starts_with(mount.group + "/") ? below.substr(mount.group.size()) : "";
    }
    if (below.find("/..") != below.npos) below.clear();
    const fs::path top = root / fs::path(mount.point).relative_path();
    fs::path folder = top / fs::path(below).relative_path();
    if (!folder.has_filename()) folder = folder.parent_path();
    for (;; folder = folder.parent_path()) {
      const CpuQuota here = quota_of(folder, mount.v2);
      if (here.cpus > 0 && (least.cpus == 0 || here.cpus < least.cpus)) least = here;
      if (folder == top || !folder.has_relative_path()) break;
    }
  }
  return least;
}

}  // namespace nacre
