#include "acme/directory_storage.h"

#include "tests/doubles/acme/plain_values.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

namespace gatehouse::acme {
namespace {

namespace fs = std::filesystem;
using Mode = DirectoryStorage::Mode;

Record certificate(const std::string& value) {
  return {RecordKind::certificate, "a.test", {{"a", value}, {"b", std::string(20'000, 'b')}}};
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 0777;
}

std::string contents(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class DirectoryStorageTest : public testing::Test {
 protected:
  std::unique_ptr<DirectoryStorage> open(Mode mode = Mode::writing) const {
    return DirectoryStorage::open(directory, mode).value();
  }
  Storage::Contents load(Mode mode = Mode::writing) const { return run(open(mode)->load()).value(); }
  void save(const Record& record) const { ASSERT_TRUE(run(open()->save(record))); }
  std::string value() const {
    const auto found = load();
    return found.records.size() == 1 ? found.records[0].fields.at("a") : std::to_string(found.records.size());
  }

  TemporaryDirectory base;
  const fs::path directory = base / "var/lib/acme";
  const fs::path file = directory / "certificate/a.test.pem";
  const fs::path previous = directory / "certificate/a.test.pem.previous";
};

TEST_F(DirectoryStorageTest, KeepsRecordsOfAllKindsForItsOwnerOnly) {
  std::vector<Record> records;
  for (const auto kind : {RecordKind::account, RecordKind::certificate, RecordKind::order, RecordKind::ledger})
    for (const char* record : {"one", "two.x-y_z"}) records.push_back({kind, record, {{"a", "b"}}});
  for (const Record& record : records) save(record);
  EXPECT_EQ(load().records, records);
  EXPECT_TRUE(load().damage.empty());
  EXPECT_EQ(mode_of(directory), 0700u);
  EXPECT_EQ(mode_of(directory / "order"), 0700u);
  EXPECT_EQ(mode_of(directory / "order/one.pem"), 0600u);
}

TEST_F(DirectoryStorageTest, ReplacesAndKeepsTheLastGoodCopy) {
  for (const char* text : {"1", "2", "3"}) save(certificate(text));
  EXPECT_EQ(value(), "3");
  fs::remove(file);
  EXPECT_EQ(value(), "2");
}

TEST_F(DirectoryStorageTest, RemovesTheRecordAndItsCopy) {
  save(certificate("1"));
  save(certificate("2"));
  EXPECT_TRUE(run(open()->remove(RecordKind::certificate, "a.test")));
  EXPECT_TRUE(run(open()->remove(RecordKind::certificate, "a.test")));
  EXPECT_FALSE(run(open()->remove(RecordKind::certificate, "../lock")));
  EXPECT_TRUE(load().records.empty());
  EXPECT_TRUE(fs::is_empty(directory / "certificate"));
}

TEST_F(DirectoryStorageTest, FallsBackToTheLastGoodCopyAndSaysSo) {
  save(certificate("1"));
  save(certificate("2"));
  fs::resize_file(file, 100);
  const auto found = load();
  ASSERT_EQ(found.records.size(), 1u);
  EXPECT_EQ(found.records[0], certificate("1"));
  ASSERT_EQ(found.damage.size(), 1u);
  EXPECT_EQ(found.damage[0],
            file.string() + " is cut short or was changed: its checksum is wrong; its last good copy is used");
}

TEST_F(DirectoryStorageTest, DoesNotPutADamagedFileInThePlaceOfItsGoodCopy) {
  save(certificate("1"));
  save(certificate("2"));
  fs::resize_file(file, 0);
  save(certificate("3"));
  EXPECT_EQ(value(), "3");
  fs::remove(file);
  EXPECT_EQ(value(), "1");
}

TEST_F(DirectoryStorageTest, TellsOfARecordThatIsLost) {
  save(certificate("1"));
  fs::resize_file(file, 10);
  const auto found = load();
  EXPECT_TRUE(found.records.empty());
  ASSERT_EQ(found.damage.size(), 1u);
  EXPECT_EQ(found.damage[0], file.string() + " does not begin with a checksum; there is no good copy of it");
}

TEST_F(DirectoryStorageTest, RepairsModesAndSaysSo) {
  save(certificate("1"));
  ::chmod(directory.c_str(), 0755);
  ::chmod(file.c_str(), 0660);
  const auto seen = load(Mode::reading);
  EXPECT_EQ(seen.damage, (std::vector<std::string>{directory.string() + " was open to others (mode 0755)",
                                                   file.string() + " was open to others (mode 0660)"}));
  EXPECT_EQ(mode_of(file), 0660u);
  const auto repaired = load();
  EXPECT_EQ(repaired.records.size(), 1u);
  EXPECT_EQ(repaired.damage,
            (std::vector<std::string>{directory.string() + " was open to others (mode 0755); it is 0700 now",
                                      file.string() + " was open to others (mode 0660); it is 0600 now"}));
  EXPECT_EQ(mode_of(file), 0600u);
  EXPECT_EQ(mode_of(directory), 0700u);
  EXPECT_TRUE(load().damage.empty());
}

TEST_F(DirectoryStorageTest, LeavesAloneWhatIsNotItsOwn) {
  save(certificate("1"));
  const fs::path folder = directory / "certificate";
  std::ofstream(folder / "README") << "mine";
  std::ofstream(folder / "Copy of a.pem") << "mine";
  fs::create_directory(folder / "dir.pem");
  fs::create_symlink("/etc/passwd", folder / "link.pem");
  ::mkfifo((folder / "pipe.pem").c_str(), 0600);
  std::ofstream(folder / "huge.pem") << "x";
  fs::resize_file(folder / "huge.pem", 10'000'000'000);
  const auto found = load();
  EXPECT_EQ(found.records.size(), 1u);
  std::string told;
  for (const auto& sentence : found.damage) told += sentence + "\n";
  for (const char* words : {"README is not ours", "Copy of a.pem is not ours", "dir.pem is not a regular file",
                            "link.pem is a symbolic link", "pipe.pem is not a regular file", "huge.pem is larger than"})
    EXPECT_NE(told.find(words), std::string::npos) << words << "\n" << told;
  EXPECT_EQ(contents(folder / "README"), "mine");
  EXPECT_TRUE(fs::exists(fs::symlink_status(folder / "link.pem")));
}

TEST_F(DirectoryStorageTest, DoesNotFollowALinkInThePlaceOfAFolder) {
  fs::create_directories(directory);
  fs::create_directory(base / "elsewhere");
  fs::create_directory_symlink(base / "elsewhere", directory / "certificate");
  EXPECT_FALSE(DirectoryStorage::open(directory, Mode::writing));
  EXPECT_FALSE(DirectoryStorage::open(directory, Mode::reading));
}

TEST_F(DirectoryStorageTest, SweepsUpAfterAProcessThatWasKilled) {
  save(certificate("1"));
  std::ofstream(directory / "certificate/.new-abcdef") << "half";
  EXPECT_TRUE(load(Mode::reading).damage.empty());
  EXPECT_TRUE(fs::exists(directory / "certificate/.new-abcdef"));
  EXPECT_TRUE(load().damage.empty());
  EXPECT_FALSE(fs::exists(directory / "certificate/.new-abcdef"));
}

TEST_F(DirectoryStorageTest, LetsOneProcessWriteAndOthersRead) {
  save(certificate("1"));
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = DirectoryStorage::open(directory, Mode::writing);
    char byte = held ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    ::close(done[1]);
    (void)!::read(done[0], &byte, 1);  // returns when the parent closes
    ::_exit(0);
  }
  ::close(done[0]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto second = DirectoryStorage::open(directory, Mode::writing);
  ASSERT_FALSE(second);
  EXPECT_TRUE(
      second.error().detail.starts_with(directory.string() + " is in use by process " + std::to_string(child) + " on "))
      << second.error().detail;
  EXPECT_EQ(load(Mode::reading).records.size(), 1u);
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(DirectoryStorage::open(directory, Mode::writing));
  ::close(ready[0]), ::close(ready[1]);
}

TEST_F(DirectoryStorageTest, ChangesNothingWhenOpenedForReading) {
  EXPECT_FALSE(DirectoryStorage::open(directory, Mode::reading));
  EXPECT_FALSE(fs::exists(directory));
  save(certificate("1"));
  EXPECT_FALSE(run(open(Mode::reading)->save(certificate("2"))));
  EXPECT_FALSE(run(open(Mode::reading)->remove(RecordKind::certificate, "a.test")));
  EXPECT_EQ(value(), "1");
}

TEST_F(DirectoryStorageTest, SaysWhyADirectoryCannotBeUsed) {
  base.write("file", "x");
  EXPECT_FALSE(DirectoryStorage::open(base / "file", Mode::writing));
  EXPECT_FALSE(DirectoryStorage::open(base / "file/below", Mode::writing));
  EXPECT_FALSE(DirectoryStorage::open("/proc/acme", Mode::writing));
}

// A process killed at any step of saving leaves the old record or the new one.
TEST_F(DirectoryStorageTest, LosesNothingWhenKilledAtAnyStepOfSaving) {
  save(certificate("0"));
  save(certificate("1"));
  int next = 2;
  for (const std::string_view step : {"begun", "written", "kept", "renamed"}) {
    const std::string before = value(), after = std::to_string(next++);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto die = [step](std::string_view at) {
        if (at == step) ::raise(SIGKILL);
      };
      auto storage = DirectoryStorage::open(directory, Mode::writing, die);
      if (storage) (void)run((*storage)->save(certificate(after)));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << step;
    const auto found = load();
    ASSERT_EQ(found.records.size(), 1u) << step;
    EXPECT_EQ(found.records[0], certificate(step == "renamed" ? after : before)) << step;
    EXPECT_TRUE(found.damage.empty()) << step;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(directory / "certificate"), {}), 2);
}

// RLIMIT_FSIZE stands for the full disk: the write breaks off in the middle.
TEST_F(DirectoryStorageTest, KeepsTheOldRecordWhenTheDiskIsFull) {
  save(certificate("1"));
  const pid_t child = ::fork();
  if (child == 0) {
    auto storage = DirectoryStorage::open(directory, Mode::writing);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved = run((*storage)->save(certificate("2")));
    ::_exit(saved ? 1 : saved.error().detail.find("File too large") != std::string::npos ? 0 : 2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(value(), "1");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory / "certificate"), {}), 1);
}

}  // namespace
}  // namespace gatehouse::acme
