// tests/golden/settings/*.txt: a settings file, then what it means. Each holds, in this order: words on what it
// shows (lines with `#`), the YAML, and after `=== environment`, `=== set`, `=== problems`, `=== values` one line each.
// GATEHOUSE_WRITE_GOLDEN=1 writes problems and values as they are now; read the difference before keeping it.
#include "config/key_words.h"
#include "config/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gatehouse {
namespace {

using Lines = std::vector<std::string>;

struct Golden {
  std::string yaml;
  std::map<std::string, Lines> parts;
};

Golden read_golden(const std::filesystem::path& path) {
  Golden golden;
  std::ifstream stream(path);
  Lines* part = nullptr;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ")) {
      part = &golden.parts[line.substr(4)];
    } else if (part != nullptr) {
      part->push_back(line);
    } else {
      golden.yaml += line + "\n";
    }
  }
  return golden;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// The names at a key's `<name>` and `[]` that the settings have.
std::vector<Lines> instances(const SettingKey& key, const Settings& settings) {
  std::vector<Lines> found;
  const auto numbers = [&](std::size_t count, const Lines& before) {
    for (std::size_t i = 0; i < count; ++i) {
      found.push_back(before);
      found.back().push_back(std::to_string(i));
    }
  };
  if (key.name.starts_with("entryPoints.")) {
    for (const auto& point : settings.entry_points) {
      if (key.name.find("[]") != std::string_view::npos)
        numbers(point.tls ? point.tls->domains.size() : 0, {point.name});
      else
        found.push_back({point.name});
    }
  } else if (key.name.starts_with("certificatesResolvers.")) {
    for (const auto& [name, resolver] : settings.resolvers) found.push_back({name});
  } else if (key.name.starts_with("tls.options.<name>")) {
    for (const auto& [name, options] : settings.tls.options) found.push_back({name});
  } else if (key.name.starts_with("tls.certificates[]")) {
    numbers(settings.tls.certificates.size(), {});
  } else if (key.name.starts_with("providers.kubernetes.hostClaims[]")) {
    numbers(settings.kubernetes ? settings.kubernetes->host_claims.size() : 0, {});
  } else {
    found.push_back({});
  }
  return found;
}

void append_sections(Lines& lines, const std::string& path, const ResolverSettings& resolver) {
  if (resolver.internal) lines.push_back(path + ".internal");
  if (!resolver.acme) return;
  lines.push_back(path + ".acme");
  if (resolver.acme->tls_challenge) lines.push_back(path + ".acme.tlsChallenge");
  if (!resolver.acme->dns) return;
  lines.push_back(path + ".acme.dnsChallenge");
  if (resolver.acme->dns->rfc2136) lines.push_back(path + ".acme.dnsChallenge.rfc2136");
  if (resolver.acme->dns->program) lines.push_back(path + ".acme.dnsChallenge.exec");
  if (resolver.acme->dns->webhook) lines.push_back(path + ".acme.dnsChallenge.webhook");
}

Lines sections(const Settings& settings) {
  Lines lines;
  for (const auto& point : settings.entry_points) {
    lines.push_back("entryPoints." + point.name);
    if (point.tls) lines.push_back("entryPoints." + point.name + ".http.tls");
    if (point.proxy_protocol) lines.push_back("entryPoints." + point.name + ".proxyProtocol");
  }
  for (const auto& [name, resolver] : settings.resolvers)
    append_sections(lines, "certificatesResolvers." + name, resolver);
  if (settings.manifests) lines.push_back("providers.manifests");
  if (settings.kubernetes) lines.push_back("providers.kubernetes");
  if (settings.access_log) lines.push_back("accessLog");
  return lines;
}

// Which sections there are and every value that is not the default.
Lines value_lines(Settings settings) {
  Lines lines = sections(settings);
  for (const auto& key : setting_keys()) {
    for (const auto& names : instances(key, settings)) {
      Settings copy = settings;
      const std::string value = value_text(key, {copy, names});
      if (value == default_text(key)) continue;
      std::string path(key.name);
      if (path.find("<name>") != std::string::npos) path.replace(path.find("<name>"), 6, names.front());
      if (path.find("[]") != std::string::npos) path.replace(path.find("[]"), 2, "[" + names.back() + "]");
      lines.push_back(path + " = " + value);
    }
  }
  return lines;
}

SettingsOrProblems load(Golden& golden) {
  SettingsSources sources{"gatehouse.yaml", golden.yaml, {}, golden.parts["set"]};
  for (const auto& line : golden.parts["environment"])
    sources.environment[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  return load_settings(sources);
}

void write_golden(const std::filesystem::path& path, Golden& golden) {
  std::ofstream file(path);
  file << golden.yaml;
  for (const char* part : {"environment", "set", "problems", "values"})
    if (!golden.parts[part].empty()) file << "=== " << part << "\n" << joined(golden.parts[part]);
}

std::filesystem::path golden_folder() { return std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/golden/settings"; }

Lines golden_names() {
  Lines names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class SettingsGolden : public testing::TestWithParam<std::string> {};

TEST_P(SettingsGolden, MeansWhatTheFileSays) {
  const auto path = golden_folder() / (GetParam() + ".txt");
  Golden golden = read_golden(path);
  const auto loaded = load(golden);
  Lines problems;
  for (const auto& problem : loaded.problems) problems.push_back(problem.text());
  const Lines values = loaded.settings ? value_lines(*loaded.settings) : Lines();
  EXPECT_EQ(loaded.settings.has_value(), !has_error(loaded.problems));
  if (std::getenv("GATEHOUSE_WRITE_GOLDEN") != nullptr) {
    golden.parts["problems"] = problems;
    golden.parts["values"] = values;
    write_golden(path, golden);
  }
  EXPECT_EQ(joined(problems), joined(golden.parts["problems"]));
  EXPECT_EQ(joined(values), joined(golden.parts["values"]));
}

TEST(SettingsGoldenFiles, TheseShowEveryKey) {
  std::string yaml;
  for (const char* file : {"every_key.txt", "kubernetes.txt", "kubernetes_example.txt", "kubernetes_from_outside.txt"})
    yaml += read_golden(golden_folder() / file).yaml;
  for (const auto& key : setting_keys()) {
    const std::string last = key_components(key.name).back();
    const std::string written = last == "<name>" ? "web:" : last + ":";
    EXPECT_NE(yaml.find(written), std::string::npos) << key.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, SettingsGolden, testing::ValuesIn(golden_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace gatehouse
