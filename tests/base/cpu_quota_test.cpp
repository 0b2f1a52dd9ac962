// Quotas in trees of files like those of the kernel.
#include "nacre/base/cpu_quota.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/files.h"

namespace nacre {
namespace {

class CpuQuotaTree : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const auto path = root_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void mount(const std::string& group, const std::string& point, const std::string& type,
             const std::string& options) {
    mounts_ += "36 25 0:31 " + group + " " + point + " rw,nosuid shared:7 - " + type + " " + type +
               " " + options + "\n";
    write("proc/self/mountinfo",
          "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" + mounts_);
  }
  double cpus() const { return cpu_quota(root_.path()).cpus; }

  test::TemporaryFolder root_;
  std::string mounts_;
};

TEST_F(CpuQuotaTree, NoneWithoutGroups) { EXPECT_EQ(cpus(), 0); }

TEST_F(CpuQuotaTree, TheLeastOfTheOwnGroupAndThoseAbove) {
  mount("/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate");
  write("proc/self/cgroup", "0::/user.slice/app.scope\n");
  const std::string top = "sys/fs/cgroup/";
  write(top + "user.slice/app.scope/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus(), 0);
  write(top + "user.slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus(), 1.5);
  EXPECT_EQ(cpu_quota(root_.path()).file, (root_ / (top + "user.slice/cpu.max")).string());
  write(top + "user.slice/app.scope/cpu.max", "50000 100000\n");
  EXPECT_EQ(cpus(), 0.5);
  write(top + "cpu.max", "20000 100000\n");
  EXPECT_EQ(cpus(), 0.2);
  write(top + "other/cpu.max", "1000 100000\n");  // somebody else's
  EXPECT_EQ(cpus(), 0.2);
}

TEST_F(CpuQuotaTree, VersionOne) {
  mount("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct");
  mount("/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset");
  write("proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/batch/job 7\n0::/\n");
  const std::string group = "sys/fs/cgroup/cpu,cpuacct/batch/job 7/";
  write(group + "cpu.cfs_quota_us", "-1\n");
  write(group + "cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 0);
  write(group + "cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(cpus(), 2.5);
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "40000\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "20000\n");
  EXPECT_EQ(cpus(), 2);
}

TEST_F(CpuQuotaTree, AContainerSeesItsGroupAsTheRootOfTheMount) {
  mount("/docker/4f", "/sys/fs/cgroup", "cgroup2", "rw");
  write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  write("proc/self/cgroup", "0::/docker/4f\n");
  EXPECT_EQ(cpus(), 3);
  write("proc/self/cgroup", "0::/docker/4f/inner\n");
  write("sys/fs/cgroup/inner/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpus(), 1);
  write("proc/self/cgroup", "0::/../elsewhere\n");  // outside of what is visible
  EXPECT_EQ(cpus(), 3);
}

TEST_F(CpuQuotaTree, PathsWithBlanksAndBrokenFiles) {
  mount("/", "/my\\040groups", "cgroup2", "rw");
  write("proc/self/cgroup", "broken\n0::/a\n");
  write("my groups/a/cpu.max", "100000 50000\n");
  EXPECT_EQ(cpus(), 2);
  for (const char* text : {"", "many 100000", "100000", "0 0", "-5 100000"}) {
    write("my groups/a/cpu.max", text);
    EXPECT_EQ(cpus(), 0) << text;
  }
}

}  // namespace
}  // namespace nacre
