// What the control groups of this process grant of the processors' time.
#pragma once

#include <filesystem>
#include <string>

namespace nacre {

struct CpuQuota {
  double cpus = 0;   // processors' worth of time, 1.5 for one and a half; 0: no limit
  std::string file;  // the file that says so
};

// The least quota of the process's own groups (cgroup v1 and v2) and of all groups above them, as
// far as they are visible. `root` stands for / in a test.
CpuQuota cpu_quota(const std::filesystem::path& root = "/");

}  // namespace nacre
