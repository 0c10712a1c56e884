#include "tls/internal_ca.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>

#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace gatehouse::tls {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class InternalCaTest : public testing::Test {
 protected:
  InternalCaTest() {
    std::string name = (fs::temp_directory_path() / "gatehouse_ca_XXXXXX").string();
    base_ = ::mkdtemp(name.data());
  }
  ~InternalCaTest() override { fs::remove_all(base_); }

  fs::path directory() const { return base_ / "var" / "ca"; }
  fs::path file() const { return directory() / InternalCa::file_name; }
  Result<std::shared_ptr<const InternalCa>> load(WallTime now = test_now()) const {
    return InternalCa::load_or_create(directory(), now);
  }
  std::string contents() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& text) const {
    fs::create_directories(directory());
    std::ofstream(file()) << text;
  }
  // The file's text stays, and the problem names the file.
  void expect_refused(const std::string& text, const std::string& words) const {
    put(text);
    const auto loaded = load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, FailureKind::bad_configuration);
    EXPECT_EQ(loaded.error().detail, file().string() + ": " + words);
    EXPECT_EQ(contents(), text);
  }

  fs::path base_;
};

// As a client does that trusts the root alone.
bool verifies(const Certificate& leaf, const Certificate& root, const std::string& name, WallTime at) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root.leaf());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.leaf(), nullptr);
  X509_STORE_CTX_set_default(context, "ssl_server");
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), 0);
  X509_VERIFY_PARAM_set_time(wanted, WallTime::clock::to_time_t(at));
  X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_X509_STRICT);
  const bool good = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  clear_errors();
  return good;
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 0777;
}

TEST_F(InternalCaTest, MakesItsRootOnceAndKeepsIt) {
  const auto first = load().value();
  EXPECT_EQ(mode_of(directory()), 0700u);
  EXPECT_EQ(mode_of(file()), 0600u);
  EXPECT_EQ(load(test_now() + 24h * 365).value()->root_pem(), first->root_pem());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory()), {}), 1) << "no temporary file is left";
  EXPECT_GT(first->root().not_after(), test_now() + 24h * 3600);
  EXPECT_EQ(first->root_pem().find("PRIVATE"), std::string::npos);
}

TEST_F(InternalCaTest, IssuesLeavesThatVerify) {
  const auto ca = load().value();
  const auto leaf = ca->issue(host("a.example"), test_now()).value();
  EXPECT_TRUE(verifies(*leaf, ca->root(), "a.example", test_now()));
  EXPECT_TRUE(verifies(*leaf, ca->root(), "a.example", test_now() - 59min)) << "a client whose clock is behind";
  EXPECT_TRUE(verifies(*leaf, ca->root(), "a.example", test_now() + 24h * 6));
  EXPECT_FALSE(verifies(*leaf, ca->root(), "a.example", test_now() + 24h * 7 + 1s));
  EXPECT_FALSE(verifies(*leaf, ca->root(), "b.example", test_now()));
  EXPECT_EQ(leaf->names(), hosts({"a.example"}));
  const auto wild = ca->issue(host("*.b.example"), test_now()).value();
  EXPECT_TRUE(verifies(*wild, ca->root(), "x.b.example", test_now()));
  EXPECT_NE(wild->key_pem(), leaf->key_pem());
}

TEST_F(InternalCaTest, IssuesForNamesTooLongForASubject) {
  const auto ca = load().value();
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  const auto leaf = ca->issue(host(name), test_now()).value();
  EXPECT_EQ(leaf->subject(), "");
  EXPECT_TRUE(verifies(*leaf, ca->root(), name, test_now()));
}

TEST_F(InternalCaTest, LeavesEndWithTheRoot) {
  const auto ca = load().value();
  const auto near_end = ca->root().not_after() - 24h;
  EXPECT_EQ(ca->issue(host("a.example"), near_end).value()->not_after(), ca->root().not_after());
}

TEST_F(InternalCaTest, IsTheSameForAllWhoMakeItAtOnce) {
  std::vector<std::string> roots(8);
  std::vector<std::thread> threads;
  for (auto& root : roots) threads.emplace_back([&] { root = load().value()->root_pem(); });
  for (auto& thread : threads) thread.join();
  for (const auto& root : roots) EXPECT_EQ(root, roots[0]);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory()), {}), 1);
}

TEST_F(InternalCaTest, NeverOverwritesWhatItCannotUse) {
  expect_refused("", "the certificate is not PEM");
  expect_refused("nonsense", "the certificate is not PEM");
  const auto leaf = certificate_for({"a.example"});
  expect_refused(leaf->pem(), "the PEM holds no private key");
  expect_refused(leaf->pem() + leaf->key_pem(), "the certificate is not a certificate authority's");
  expect_refused(std::string(70'000, 'x'), "larger than 64 KiB");
}

TEST_F(InternalCaTest, SaysWhenItsRootHasExpired) {
  ASSERT_TRUE(load());
  const std::string before = contents();
  const auto late = load(test_now() + InternalCa::root_lifetime);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().detail.find("has expired"), std::string::npos);
  EXPECT_EQ(contents(), before);
}

TEST_F(InternalCaTest, SaysWhenItCannotBeKept) {
  std::ofstream(base_ / "var") << "a file in the directory's place";
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, FailureKind::bad_configuration);
  EXPECT_NE(loaded.error().detail.find(directory().string()), std::string::npos);
}

TEST(SelfSigned, IsForUnknownNames) {
  const auto certificate = make_self_signed({}, test_now()).value();
  EXPECT_EQ(certificate->subject(), "CN=gatehouse default certificate");
  EXPECT_TRUE(certificate->names().empty());
  EXPECT_EQ(make_self_signed(hosts({"a.example"}), test_now()).value()->names(), hosts({"a.example"}));
}

}  // namespace
}  // namespace gatehouse::tls
