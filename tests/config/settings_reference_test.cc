#include "config/key_words.h"
#include "config/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace gatehouse {
namespace {

const std::string page_path = std::string(GATEHOUSE_SOURCE_DIR) + "/docs/configuration.md";

TEST(ConfigurationReference, TheCommittedPageIsWhatTheTableSays) {
  if (std::getenv("GATEHOUSE_WRITE_REFERENCE") != nullptr) std::ofstream(page_path) << configuration_reference();
  std::ostringstream committed;
  committed << std::ifstream(page_path).rdbuf();
  EXPECT_EQ(committed.str(), configuration_reference());
}

TEST(ConfigurationReference, ItsExampleLoads) {
  const std::string page = configuration_reference();
  const auto start = page.find("```yaml\n") + 8;
  const auto loaded = load_settings({"example", page.substr(start, page.find("```", start) - start), {}, {}});
  EXPECT_TRUE(loaded.problems.empty()) << loaded.problems[0].text();
}

TEST(SettingKeys, AreNamedOnceAcrossBothTables) {
  std::set<std::string_view> names;
  for (const auto& key : setting_keys()) EXPECT_TRUE(names.insert(key.name).second) << key.name;
  for (const auto& key : refused_keys()) EXPECT_TRUE(names.insert(key.name).second) << key.name;
}

TEST(SettingKeys, AreDescribed) {
  for (const auto& key : setting_keys()) {
    EXPECT_FALSE(key.words.empty()) << key.name;
    EXPECT_TRUE(key.words.ends_with('.')) << key.name;
  }
}

// Whatever the page shows as a default must be accepted when somebody writes it down.
TEST(SettingKeys, DefaultsMayBeWrittenDown) {
  for (const auto& key : setting_keys()) {
    std::string value = default_text(key);
    if (value.empty()) continue;
    if (value.front() == '[') value = value.substr(1, value.size() - 2);
    std::string path(key.name);
    if (path.find("<name>") != std::string::npos) path.replace(path.find("<name>"), 6, "web");
    if (path.find("[]") != std::string::npos) path.replace(path.find("[]"), 2, "[0]");
    const auto loaded =
        load_settings({"", "entryPoints: {web: {address: ':1'}, to: {address: ':2'}}", {}, {path + "=" + value}});
    for (const auto& problem : loaded.problems) EXPECT_NE(problem.object, path) << problem.text();
  }
}

TEST(SettingKeys, ComponentsOfNamesAndOfWhatUsersWrite) {
  using Components = std::vector<std::string>;
  EXPECT_EQ(key_components("a.<name>.b[].c"), (Components{"a", "<name>", "b", "[]", "c"}));
  EXPECT_EQ(key_components("b[12].c"), (Components{"b", "12", "c"}));
  EXPECT_EQ(key_components(""), (Components{""}));
}

}  // namespace
}  // namespace gatehouse
