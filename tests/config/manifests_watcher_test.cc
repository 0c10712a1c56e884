#include "config/manifests_watcher.h"

#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string service(const std::string& name, int port = 80) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         "}\nspec: {type: ExternalName, externalName: 127.0.0.1, ports: [{port: " + std::to_string(port) + "}]}\n";
}

// The watcher on a directory `manifests` inside a temporary one, driven by real inotify.
class Watched : public testing::Test {
 protected:
  void start() {
    watcher_.emplace(context_.get_executor(), clock_, directory());
    watcher_->refresh();
    asio::co_spawn(context_, watcher_->run([this] { ++changes_; }), asio::detached);
    context_.poll();
    changes_ = 0;
  }

  fs::path directory() const { return root_ / "manifests"; }

  fs::path write(const std::string& name, const std::string& text) { return root_.write("manifests/" + name, text); }

  // Runs until the watcher has said that something changed, then lets it read. False: it said nothing for long.
  bool change_seen() {
    for (auto end = std::chrono::steady_clock::now() + 20s; changes_ == 0;)
      if (std::chrono::steady_clock::now() > end || context_.run_one_for(20s) == 0) return false;
    changes_ = 0;
    watcher_->refresh();
    return true;
  }

  // Lets it handle what already happened.
  bool quiet() {
    context_.poll();
    return changes_ == 0;
  }

  // The names and ports of the Services it has, "a:80 b:81".
  std::string services() const {
    std::string text;
    for (const auto& [name, object] : watcher_->objects().services)
      text += (text.empty() ? "" : " ") + name.name + ":" + std::to_string(object->ports.at(0).port);
    return text;
  }

  std::string problems() const {
    std::string text;
    for (const auto& problem : watcher_->problems()) text += problem.text() + "\n";
    return text;
  }

  TemporaryDirectory root_;
  ManualClock clock_;
  asio::io_context context_;
  std::optional<ManifestsWatcher> watcher_;
  int changes_ = 0;
};

TEST_F(Watched, ReadsWhatIsThereAtTheStart) {
  fs::create_directory(directory());
  write("a.yaml", service("a") + "---\n" + service("b"));
  write("c.yml", service("c"));
  write("notes.txt", service("no"));
  start();
  EXPECT_EQ(services(), "a:80 b:80 c:80");
  EXPECT_EQ(problems(), "");
}

TEST_F(Watched, AnEmptyDirectoryIsFine) {
  fs::create_directory(directory());
  start();
  EXPECT_EQ(services(), "");
  EXPECT_EQ(problems(), "");
}

TEST_F(Watched, SeesNewChangedAndDeletedFiles) {
  fs::create_directory(directory());
  start();
  write("a.yaml", service("a"));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80");
  write("a.yaml", service("a", 81));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
  fs::remove(directory() / "a.yaml");
  EXPECT_TRUE(quiet()) << "an editor may be about to write it anew";
  clock_.advance(DirectoryWatch::deletion_settles);
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "");
}

TEST_F(Watched, SeesAtomicRenames) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  start();
  write("a.yaml.tmp", service("a", 81));
  EXPECT_TRUE(quiet());
  fs::rename(directory() / "a.yaml.tmp", directory() / "a.yaml");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
}

TEST_F(Watched, ReadsOnlyTheFileThatChanged) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  write("b.yaml", service("b"));
  start();
  auto before = watcher_->objects().services.begin()->second;
  write("b.yaml", service("b", 81));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80 b:81");
  EXPECT_EQ(watcher_->objects().services.begin()->second, before);
}

TEST_F(Watched, WaitsForTheEndOfAWriteInPlace) {
  fs::create_directory(directory());
  write("a.yaml", service("a") + "---\n" + service("b"));
  start();
  {
    std::ofstream file(directory() / "a.yaml", std::ios::trunc);
    EXPECT_TRUE(quiet());
    file << service("a", 81) << std::flush;
    EXPECT_TRUE(quiet());
    watcher_->refresh();
    EXPECT_EQ(services(), "a:80 b:80");
    file << "---\n" << service("b", 81);
  }
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81 b:81");
}

TEST_F(Watched, TakesAFileThatIsNeverClosedForWholeAfterAWhile) {
  fs::create_directory(directory());
  start();
  std::ofstream file(directory() / "a.yaml");
  file << service("a") << std::flush;
  EXPECT_TRUE(quiet());
  clock_.advance(DirectoryWatch::open_write_settles);
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80");
}

TEST_F(Watched, AnEditorThatDeletesAndWritesAnewLosesNothing) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  start();
  fs::rename(directory() / "a.yaml", directory() / "a.yaml~");
  EXPECT_TRUE(quiet());
  std::ofstream file(directory() / "a.yaml");
  clock_.advance(DirectoryWatch::deletion_settles);
  EXPECT_TRUE(quiet());
  watcher_->refresh();
  EXPECT_EQ(services(), "a:80");
  file << service("a", 81);
  file.close();
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
}

TEST_F(Watched, IgnoresWhatEditorsLeave) {
  fs::create_directory(directory());
  start();
  for (auto name : {".a.yaml", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "a.yaml.tmp", ".#a.yaml", "4913"})
    write(name, service("wrong"));
  EXPECT_TRUE(quiet());
  watcher_->rescan();
  watcher_->refresh();
  EXPECT_EQ(services(), "");
}

TEST_F(Watched, SeesAMountedConfigMapSwapped) {
  fs::create_directories(directory() / "..2026_1");
  write("..2026_1/a.yaml", service("a"));
  write("..2026_1/b.yaml", service("b"));
  fs::create_directory_symlink("..2026_1", directory() / "..data");
  fs::create_symlink("..data/a.yaml", directory() / "a.yaml");
  fs::create_symlink("..data/b.yaml", directory() / "b.yaml");
  start();
  EXPECT_EQ(services(), "a:80 b:80");

  fs::create_directory(directory() / "..2026_2");
  write("..2026_2/a.yaml", service("a", 81));
  write("..2026_2/c.yaml", service("c", 81));
  fs::create_directory_symlink("..2026_2", directory() / "..data_tmp");
  EXPECT_TRUE(quiet());
  fs::rename(directory() / "..data_tmp", directory() / "..data");
  fs::create_symlink("..data/c.yaml", directory() / "c.yaml");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81 b:80 c:81") << "b.yaml leads nowhere: its last good object stays";
  EXPECT_NE(problems().find("b.yaml: error: is a symbolic link that leads nowhere"), std::string::npos) << problems();
  fs::remove(directory() / "b.yaml");
  fs::remove_all(directory() / "..2026_1");
  context_.poll();
  clock_.advance(DirectoryWatch::deletion_settles);
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81 c:81");
  EXPECT_EQ(problems(), "");

  // Once more: the second swap is watched like the first.
  fs::create_directory(directory() / "..2026_3");
  write("..2026_3/a.yaml", service("a", 82));
  write("..2026_3/c.yaml", service("c", 82));
  fs::create_directory_symlink("..2026_3", directory() / "..data_tmp");
  fs::rename(directory() / "..data_tmp", directory() / "..data");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:82 c:82");
}

TEST_F(Watched, SeesTheTargetOfALinkChange) {
  fs::create_directory(directory());
  fs::create_directory(root_ / "elsewhere");
  root_.write("elsewhere/real.yaml", service("a"));
  fs::create_symlink("../elsewhere/real.yaml", directory() / "a.yaml");
  start();
  EXPECT_EQ(services(), "a:80");
  root_.write("elsewhere/real.yaml", service("a", 81));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
  root_.write("elsewhere/new", service("a", 82));
  fs::rename(root_ / "elsewhere/new", root_ / "elsewhere/real.yaml");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:82");
}

TEST_F(Watched, WaitsForADirectoryThatIsNotThereYet) {
  watcher_.emplace(context_.get_executor(), clock_, root_ / "not/yet/manifests");
  watcher_->refresh();
  EXPECT_NE(problems().find("not/yet/manifests: error: the directory cannot be read"), std::string::npos) << problems();
  asio::co_spawn(context_, watcher_->run([this] { ++changes_; }), asio::detached);
  context_.poll();
  changes_ = 0;
  fs::create_directories(root_ / "not/yet/manifests");
  ASSERT_TRUE(change_seen());
  context_.poll();
  changes_ = 0;
  watcher_->refresh();
  EXPECT_EQ(problems(), "");
  root_.write("not/yet/manifests/a.yaml", service("a"));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80");
}

TEST_F(Watched, ADirectoryTakenAwayKeepsItsObjectsAndComesBack) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  start();
  fs::rename(directory(), root_ / "old");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80");
  EXPECT_NE(problems().find("cannot be read"), std::string::npos);
  fs::create_directory(root_ / "new");
  root_.write("new/b.yaml", service("b"));
  fs::rename(root_ / "new", directory());
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "b:80");
  EXPECT_EQ(problems(), "");
  write("b.yaml", service("b", 81));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "b:81");
}

TEST_F(Watched, ADirectoryBehindALinkIsFollowedWhenTheLinkIsSwapped) {
  fs::create_directory(root_ / "v1");
  fs::create_directory(root_ / "v2");
  root_.write("v1/a.yaml", service("a"));
  root_.write("v2/a.yaml", service("a", 81));
  fs::create_directory_symlink("v1", directory());
  start();
  EXPECT_EQ(services(), "a:80");
  fs::create_directory_symlink("v2", root_ / "next");
  fs::rename(root_ / "next", directory());
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
  root_.write("v2/a.yaml", service("a", 82));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:82");
}

TEST_F(Watched, LooksAtEverythingWhenTheSystemLostEvents) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  write("b.yaml", service("b"));
  start();
  int limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  ASSERT_GT(limit, 0);
  for (int i = 0; i <= limit; ++i)
    ::chmod((directory() / (i % 2 ? "a.yaml" : "b.yaml")).c_str(), i % 4 < 2 ? 0644 : 0600);
  write("z.yaml", service("z"));  // its events find no room
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80 b:80 z:80");
  write("z.yaml", service("z", 81));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80 b:80 z:81");
}

TEST_F(Watched, ABadObjectCostsOnlyItself) {
  fs::create_directory(directory());
  write("a.yaml", service("a") + "---\n" + service("b") + "---\n" + service("c"));
  start();
  write("a.yaml", service("a", 81) + "---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: 7}\n");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81 b:80") << "b stays as it was, c is gone";
  EXPECT_NE(problems().find("a.yaml:"), std::string::npos);
  EXPECT_NE(problems().find("Service default/b"), std::string::npos) << problems();
  write("a.yaml", service("a", 82) + "---\nmetadata: {name: [\n");
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:82 b:80") << "a whole document cannot be read";
  write("a.yaml", service("a", 83));
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:83");
  EXPECT_EQ(problems(), "");
}

TEST_F(Watched, TwoFilesWithOneObject) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  write("b.yaml", service("a", 81));
  start();
  EXPECT_EQ(services(), "a:80");
  EXPECT_NE(problems().find("b.yaml:1: error: Service default/a: stands in "), std::string::npos) << problems();
  fs::remove(directory() / "a.yaml");
  context_.poll();
  clock_.advance(DirectoryWatch::deletion_settles);
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:81");
  EXPECT_EQ(problems(), "");
}

TEST_F(Watched, RefusesWhatIsNoPlainFileAndNeverBlocks) {
  fs::create_directory(directory());
  write("good.yaml", service("good"));
  ASSERT_EQ(::mkfifo((directory() / "pipe.yaml").c_str(), 0600), 0);
  fs::create_directory(directory() / "folder.yaml");
  fs::create_symlink("/dev/zero", directory() / "device.yaml");
  fs::create_symlink("loop.yaml", directory() / "loop.yaml");
  fs::create_symlink("nothing", directory() / "dangling.yaml");
  int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = (directory() / "socket.yaml").string();
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  start();
  ::close(socket);
  EXPECT_EQ(services(), "good:80");
  auto text = problems();
  for (auto name : {"pipe", "socket", "device"})
    EXPECT_NE(text.find(std::string(name) + ".yaml: error: is not a regular file"), std::string::npos) << text;
  EXPECT_NE(text.find("folder.yaml: error: is a directory"), std::string::npos) << text;
  EXPECT_NE(text.find("loop.yaml: error: is a symbolic link that leads back"), std::string::npos) << text;
  EXPECT_NE(text.find("dangling.yaml: error: is a symbolic link that leads nowhere"), std::string::npos) << text;
}

TEST_F(Watched, AHugeFileIsRefusedUnreadAndItsLastGoodObjectsStay) {
  fs::create_directory(directory());
  write("a.yaml", service("a"));
  start();
  fs::resize_file(directory() / "a.yaml", std::uintmax_t{1} << 30);
  context_.poll();
  clock_.advance(DirectoryWatch::open_write_settles);  // truncate(2) tells of a change and never of a close
  ASSERT_TRUE(change_seen());
  EXPECT_EQ(services(), "a:80");
  EXPECT_NE(problems().find("a.yaml: error: has 1073741824 bytes"), std::string::npos) << problems();
}

TEST_F(Watched, AnUnreadableFileKeepsItsLastGoodObjects) {
  fs::create_directory(directory());
  fs::permissions(root_.path(), fs::perms(0755));
  write("a.yaml", service("a"));
  start();
  fs::permissions(directory() / "a.yaml", fs::perms::none);
  bool root = ::geteuid() == 0;  // who reads everything
  ASSERT_TRUE(!root || ::seteuid(65534) == 0);
  bool seen = change_seen();
  ASSERT_TRUE(!root || ::seteuid(0) == 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(services(), "a:80");
  EXPECT_NE(problems().find("a.yaml: error: cannot be read: Permission denied"), std::string::npos) << problems();
}

TEST_F(Watched, TenThousandFilesAndAChangeOfOne) {
  fs::create_directory(directory());
  for (int i = 0; i < 10'000; ++i) write("s" + std::to_string(i) + ".yaml", service("s" + std::to_string(i)));
  auto begin = std::chrono::steady_clock::now();
  start();
  auto started = std::chrono::steady_clock::now();
  ASSERT_EQ(watcher_->objects().services.size(), 10'000u);
  write("s5000.yaml", service("s5000", 81));
  ASSERT_TRUE(change_seen());
  auto changed = std::chrono::steady_clock::now();
  EXPECT_EQ(watcher_->objects().services.at({"default", "s5000"})->ports.at(0).port, 81);
  RecordProperty("start_ms", static_cast<int>((started - begin) / 1ms));
  RecordProperty("change_us", static_cast<int>((changed - started) / 1us));
  EXPECT_LT(changed - started, (started - begin) / 4) << "a change costs one file, not all";
}

}  // namespace
}  // namespace gatehouse
