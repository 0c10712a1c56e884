#include "config/settings.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <unistd.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

SettingsOrProblems load(std::string text) { return load_settings({"f", std::move(text), {}, {}}); }

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

TEST(Settings, DefaultsAreThoseOfTheDataPath) {
  const auto loaded = load("entryPoints: {web: {address: ':80'}}");
  ASSERT_TRUE(loaded.settings);
  const auto& web = loaded.settings->entry_points.at(0);
  EXPECT_EQ(web.timeouts.head, ClientTimeouts().head);
  EXPECT_EQ(web.timeouts.keep_alive, 180s);
  EXPECT_EQ(web.limits.head_bytes, ClientLimits().head_bytes);
  EXPECT_EQ(loaded.settings->servers_transport.timeouts.dial, UpstreamTimeouts().dial);
  EXPECT_EQ(loaded.settings->workers, 0U);
  EXPECT_FALSE(loaded.settings->access_log);
  EXPECT_TRUE(web.listen.dual_stack);
}

TEST(Settings, TrustedRangesAreUsable) {
  const auto loaded = load("entryPoints: {web: {address: ':80', proxyProtocol: {trustedIPs: [10.0.0.0/8]}}}");
  ASSERT_TRUE(loaded.settings);
  const auto& trusted = loaded.settings->entry_points[0].proxy_protocol->trusted;
  EXPECT_TRUE(trusted.contains(asio::ip::make_address("10.1.2.3")));
  EXPECT_FALSE(trusted.contains(asio::ip::make_address("11.1.2.3")));
}

TEST(Settings, EntryPointsAreFoundByName) {
  const auto loaded = load("entryPoints: {web: {address: ':80'}, admin: {address: ':81'}}");
  ASSERT_TRUE(loaded.settings);
  EXPECT_EQ(loaded.settings->entry_point("admin"), &loaded.settings->entry_points[1]);
  EXPECT_TRUE(loaded.settings->entry_point("admin")->admin());
  EXPECT_EQ(loaded.settings->entry_point("ADMIN"), nullptr);
}

TEST(Settings, ProblemsAreNotEndless) {
  const auto loaded = load(repeated("? x\n", 5000));
  ASSERT_EQ(loaded.problems.size(), 100U);
  EXPECT_NE(loaded.problems.back().words.find("more problems"), std::string::npos);
}

TEST(Settings, HaveAtMost64EntryPoints) {
  std::string text = "providers: {manifests: {}}\nentryPoints:\n";
  for (int i = 1; i <= 64; ++i) text += "  p" + std::to_string(i) + ": {address: ':" + std::to_string(i) + "'}\n";
  EXPECT_TRUE(load(text).settings);
  EXPECT_EQ(load(text + "  p65: {address: ':65'}\n").problems.at(0).words, "there are more than 64 entry points");
}

// Input made to cost much more than its size: each must be refused, and soon.
struct Bomb {
  const char* name;
  std::string text;
  const char* words;  // in the refusal
};

std::vector<Bomb> bombs() {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i)
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
              repeated("*a" + std::to_string(i - 1) + ",", 10) + "]\n";
  const std::string long_alias = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [" + repeated("*a,", 1000) + "]\n";
  return {
      {"TooLarge", std::string((1 << 20) + 1, '#'), "larger than 1024 KiB"},
      {"DeepFlow", std::string(1 << 20, '['), "levels deep"},
      {"DeepMaps", repeated("{a: ", 200'000), "levels deep"},
      {"DeepBlock", repeated("- ", 500'000), "levels deep"},
      {"BillionLaughs", laughs, "holds too much"},
      {"LongAlias", long_alias, "holds too much"},
      {"ManyValues", "a: [" + repeated("x,", 500'000) + "]", "holds too much"},
      {"AliasOfItself", "a: &a [*a]", "inside what it names"},
      {"NullBytes", std::string(1000, '\0') + "a: b", ""},
      {"ManyKeys", repeated("a: b\n", 200'000), ""},
      {"ManyQuestionMarks", repeated("? ", 500'000), ""},
      {"OneLongKey", std::string(1'000'000, 'k') + ": v", ""},
      {"ManyColons", repeated(":", 1'000'000), ""},
      {"ManyQuotes", repeated("\"", 1'000'000), ""},
  };
}

class SettingsBomb : public testing::TestWithParam<Bomb> {};

TEST_P(SettingsBomb, IsRefusedSoon) {
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = load(GetParam().text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
  ASSERT_FALSE(loaded.problems.empty());
  EXPECT_FALSE(loaded.settings);
  EXPECT_NE(loaded.problems[0].text().find(GetParam().words), std::string::npos) << loaded.problems[0].text();
  for (const auto& problem : loaded.problems) EXPECT_LT(problem.text().size(), 1000U);
}

INSTANTIATE_TEST_SUITE_P(Texts, SettingsBomb, testing::ValuesIn(bombs()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Settings, LongVariablesAreBounded) {
  const SettingsSources sources{"f",
                                "a: ['" + repeated("${V}", 1000) + "', '" + repeated("${V}", 1000) + "']",
                                {{"V", std::string(100'000, 'v')}},
                                {}};
  const auto loaded = load_settings(sources);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_NE(loaded.problems[0].words.find("holds too much"), std::string::npos);
}

std::string golden_yaml(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str().substr(0, text.str().find("\n=== "));
}

// One byte changed, removed, doubled, or a piece of one file put into another.
std::string mutated(const std::vector<std::string>& texts, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  std::string text = texts[below(texts.size())];
  for (auto edits = below(4) + 1; edits > 0; --edits) {
    static constexpr std::string_view bytes = "{}[]:,&*!?|>%@`\"'#- \n\t\0\xff\\$<=a0";
    const auto at = below(text.size());
    const auto& other = texts[below(texts.size())];
    switch (below(4)) {
      case 0: text.insert(at, 1, bytes[below(bytes.size())]); break;
      case 1: text.erase(at, below(8) + 1); break;
      case 2: text.insert(at, text.substr(below(text.size()), below(40))); break;
      default: text.insert(at, other.substr(below(other.size()), below(80))); break;
    }
  }
  return text;
}

// Whatever the text: no crash, and settings exactly when there is no error.
TEST(Settings, SurviveMutatedFiles) {
  std::vector<std::string> texts;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(GATEHOUSE_SOURCE_DIR) + "/tests/golden/settings"))
    texts.push_back(golden_yaml(entry.path()));
  std::sort(texts.begin(), texts.end());
  std::mt19937 random(2024);
  std::size_t good = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::string text = mutated(texts, random);
    const auto loaded = load_settings({"f", text, {{"PORT", "80"}}, {}});
    ASSERT_EQ(loaded.settings.has_value(), !has_error(loaded.problems)) << text;
    good += loaded.settings.has_value() ? 1 : 0;
  }
  EXPECT_GT(good, 100U);
}

class SettingsFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("gatehouse_settings_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(SettingsFile, IsReadAndNamedInProblems) {
  const auto file = (folder_ / "g.yaml").string();
  std::ofstream(file) << "entryPoints: {web: {address: ':80'}}\nproviders: {manifests: {}}\nworkers: x\n";
  const auto loaded = load_settings_file(file, {}, {"workers=2"});
  ASSERT_TRUE(loaded.settings);
  EXPECT_EQ(loaded.settings->workers, 2U);
  EXPECT_EQ(load_settings_file(file, {}, {}).problems.at(0).text(),
            file + ":3:10: error: workers: expects a number or auto, not 'x'");
}

TEST_F(SettingsFile, ThatCannotBeReadIsAProblem) {
  const auto missing = (folder_ / "missing.yaml").string();
  EXPECT_EQ(load_settings_file(missing, {}, {}).problems.at(0).text(),
            missing + ": error: cannot be read: No such file or directory");
  EXPECT_EQ(load_settings_file(folder_.string(), {}, {}).problems.at(0).text(),
            folder_.string() + ": error: is a folder, not a file");
}

TEST_F(SettingsFile, OfTooManyBytesIsRefused) {
  const auto file = (folder_ / "large.yaml").string();
  std::ofstream(file) << std::string(3 << 20, '#');
  EXPECT_EQ(load_settings_file(file, {}, {}).problems.at(0).text(), file + ": error: larger than 1024 KiB");
}

TEST(Settings, TheProcessHasAnEnvironment) {
  ASSERT_EQ(setenv("GATEHOUSE_TEST_VARIABLE", "a=b", 1), 0);
  EXPECT_EQ(process_environment().at("GATEHOUSE_TEST_VARIABLE"), "a=b");
  unsetenv("GATEHOUSE_TEST_VARIABLE");
}

}  // namespace
}  // namespace gatehouse
