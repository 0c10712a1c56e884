// Keeps docs/architecture.md true: who may include whom, which folder may name which library, no dead headers, no
// names that name nothing, and a walk through the code (docs/life_of_a_request.md) that points at what exists.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;
using Complaints = std::vector<std::string>;

struct Source {
  std::string path;  // from the project's root
  std::string text;
};

// The rooms from left to right: a file includes files of its own room and of rooms further left.
const std::vector<std::set<std::string>> rooms = {
    {"base"},           {"tls"},   {"proxy/http", "proxy/route"},
    {"proxy/upstream"}, {"proxy"}, {"config", "config/kubernetes"},
    {"acme"},           {"cli"},   {"main.cc"},
};

// The only places that may name a library, by the first directory of its headers.
const std::map<std::string, std::vector<std::string>> library_doors = {
    {"openssl", {"tls/"}},
    {"nghttp2", {"proxy/http/http2_codec."}},
    {"yaml-cpp", {"config/"}},
    {"libpsl.h", {"acme/registered_domain."}},
    {"CLI", {"cli/", "main.cc"}},
    {"prometheus", {"proxy/metrics_text."}},
    {"zlib.h", {"proxy/http/inflater."}},
};

const std::set<std::string> empty_names = {"util",    "utils",    "helper", "helpers", "manager",
                                           "handler", "handlers", "impl",   "common",  "misc"};

std::string read(const fs::path& path) { return (std::stringstream() << std::ifstream(path).rdbuf()).str(); }

std::vector<Source> sources_below(const std::vector<std::string>& places) {
  const fs::path root = GATEHOUSE_SOURCE_DIR;
  std::vector<Source> sources;
  const auto add = [&](const fs::path& path) {
    const auto extension = path.extension();
    if (extension == ".h" || extension == ".cc" || extension == ".py")
      sources.push_back({path.lexically_relative(root).generic_string(), read(path)});
  };
  for (const auto& place : places) {
    if (fs::is_regular_file(root / place)) add(root / place);
    if (!fs::is_directory(root / place)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / place)) add(entry.path());
  }
  return sources;
}

const std::vector<Source>& product() {
  static const std::vector<Source> sources =
      sources_below({"base", "tls", "proxy", "config", "acme", "cli", "main.cc"});
  return sources;
}

// All matches of the pattern's first group.
std::vector<std::string> find_all(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

std::vector<std::string> project_includes(const Source& source) {
  static const std::regex pattern(R"re((?:^|\n)#include "([^"]+)")re");
  return find_all(source.text, pattern);
}

std::vector<std::string> library_includes(const Source& source) {
  static const std::regex pattern(R"re((?:^|\n)#include <([^>]+)>)re");
  return find_all(source.text, pattern);
}

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().generic_string(); }

// The number of a file's room; a file named by itself is in no other. -1: in none.
int room_of(const std::string& path) {
  for (const auto& name : {path, folder_of(path)})
    for (std::size_t i = 0; i < rooms.size(); ++i)
      if (rooms[i].contains(name)) return static_cast<int>(i);
  return -1;
}

bool may_include(const std::string& from, const std::string& to) {
  const int from_room = room_of(from);
  const int to_room = room_of(to);
  if (from_room < 0 || to_room < 0) return false;
  if (from_room == to_room) return folder_of(from).starts_with("config") || folder_of(from) == folder_of(to);
  return to_room < from_room;
}

Complaints wrong_directions(const std::vector<Source>& sources) {
  Complaints complaints;
  for (const auto& source : sources)
    for (const auto& included : project_includes(source))
      if (!may_include(source.path, included)) complaints.push_back(source.path + " includes " + included);
  return complaints;
}

Complaints wrong_doors(const std::vector<Source>& sources) {
  Complaints complaints;
  for (const auto& source : sources) {
    for (const auto& included : library_includes(source)) {
      const auto doors = library_doors.find(included.substr(0, included.find('/')));
      if (doors == library_doors.end()) continue;
      const bool allowed =
          std::ranges::any_of(doors->second, [&](auto& door) { return source.path.starts_with(door); });
      if (!allowed) complaints.push_back(source.path + " includes <" + included + ">");
    }
  }
  return complaints;
}

// A header lives when a file other than its own .cc includes it.
Complaints dead_headers(const std::vector<Source>& sources) {
  std::set<std::string> alive = {"base/precompiled.h"};  // CMakeLists.txt includes it everywhere
  for (const auto& source : sources)
    for (const auto& included : project_includes(source))
      if (fs::path(included).replace_extension() != fs::path(source.path).replace_extension()) alive.insert(included);
  Complaints complaints;
  for (const auto& source : sources)
    if (source.path.ends_with(".h") && !alive.contains(source.path)) complaints.push_back(source.path);
  return complaints;
}

Complaints names_that_name_nothing(const std::vector<Source>& sources) {
  static const std::regex word("([a-z0-9]+)");
  Complaints complaints;
  for (const auto& source : sources)
    for (const auto& part : find_all(source.path, word))
      if (empty_names.contains(part)) complaints.push_back(source.path);
  return complaints;
}

Complaints sleeps(const std::vector<Source>& sources) {
  static const std::regex pattern(R"((sleep_for|\busleep\b|::sleep\(|time\.sleep))");
  Complaints complaints;
  for (const auto& source : sources)
    if (std::regex_search(source.text, pattern)) complaints.push_back(source.path);
  return complaints;
}

// The identifiers of a source, comments left out, and those of them that stand before a parenthesis.
struct Identifiers {
  std::set<std::string, std::less<>> words;
  std::set<std::string, std::less<>> called;

  void add(std::string_view line) {
    const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    line = line.substr(0, line.find("//"));
    for (std::size_t i = 0; i < line.size();) {
      std::size_t end = i;
      while (end < line.size() && in_word(line[end])) ++end;
      if (end > i) words.emplace(line.substr(i, end - i));
      if (end > i && line.substr(end, 1) == "(") called.emplace(line.substr(i, end - i));
      i = std::max(end, i + 1);
    }
  }
};

Identifiers identifiers_of(const std::vector<Source>& sources) {
  Identifiers found;
  for (const auto& source : sources) {
    std::istringstream text(source.text);
    for (std::string line; std::getline(text, line);) found.add(line);
  }
  return found;
}

// Every `file.cc`, `function()` and `Type::member` of a document that is not in the sources.
Complaints missing_in_sources(const std::string& document, const std::vector<Source>& sources) {
  const auto [words, called] = identifiers_of(sources);
  const auto is_file = [&](const std::string& name) {
    return std::ranges::any_of(sources, [&](auto& s) { return s.path == name || s.path.ends_with("/" + name); });
  };
  Complaints complaints;
  for (const auto& code : find_all(document, std::regex("`([^`\n]+)`"))) {
    bool known = true;
    if (code.ends_with(".h") || code.ends_with(".cc")) {
      known = is_file(code);
    } else if (code.ends_with("()") || code.find("::") != std::string::npos) {
      const auto names = find_all(code, std::regex(R"((\w+))"));
      known =
          !names.empty() && std::ranges::all_of(names, [&words = words](auto& name) { return words.contains(name); });
      if (code.ends_with("()")) known = known && called.contains(names.back());
    }
    if (!known) complaints.push_back(code);
  }
  return complaints;
}

// The places that start other programs.
Complaints starters(const std::vector<Source>& sources) {
  static const std::regex pattern(R"((\b(fork|vfork|execv\w*|execl\w*|posix_spawn\w*|popen|system)\())");
  Complaints complaints;
  for (const auto& source : sources)
    if (std::regex_search(source.text, pattern)) complaints.push_back(source.path);
  return complaints;
}

// The threats that the project works from: so many of each letter.
const std::map<char, int> threats = {{'F', 27}, {'D', 12}, {'H', 8},  {'S', 4}, {'P', 7},
                                     {'A', 12}, {'L', 10}, {'T', 11}, {'O', 16}};

// What the tests are called, by suite and name; parameters are not known here.
std::set<std::string> tests_of(const std::vector<Source>& sources) {
  static const std::regex pattern(R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  std::set<std::string> names;
  for (const auto& source : sources)
    for (std::sregex_iterator match(source.text.begin(), source.text.end(), pattern), end; match != end; ++match)
      names.insert((*match)[1].str() + "." + (*match)[2].str());
  return names;
}

// Threats without a row of the table, rows without a test, and tests that do not exist. A parameter that is a threat's
// name has to be in the sources.
Complaints untested_threats(const std::string& table, const std::vector<Source>& tests) {
  const std::set<std::string> names = tests_of(tests);
  const auto is_there = [&](const std::string& code) {
    static const std::regex test(R"re((?:\w+/)?(\w+\.\w+)(?:/([A-Z]\d+))?(?:/\w+)?)re");
    std::smatch match;
    if (code.ends_with(".cc")) return std::ranges::any_of(tests, [&](auto& source) { return source.path == code; });
    if (!std::regex_match(code, match, test) || !names.contains(match[1])) return false;
    const std::string row = "{\"" + match[2].str() + "\",";
    return match[2].str().empty() ||
           std::ranges::any_of(tests, [&](auto& source) { return source.text.find(row) != std::string::npos; });
  };
  Complaints complaints;
  for (const auto& [letter, count] : threats) {
    for (int number = 1; number <= count; ++number) {
      const std::string name = letter + std::to_string(number);
      const auto row = find_all(table, std::regex("(?:^|\n)\\| " + name + " \\|[^|\n]*\\|([^\n]*)"));
      const auto codes = row.empty() ? Complaints{} : find_all(row.front(), std::regex("`([^`\n]+)`"));
      if (codes.empty()) complaints.push_back(name + " has no test");
      for (const auto& code : codes)
        if (!is_there(code)) complaints.push_back(name + ": " + code);
    }
  }
  return complaints;
}

std::string join(const Complaints& complaints) {
  std::string text;
  for (const auto& complaint : complaints) text += "\n  " + complaint;
  return text;
}

TEST(Structure, includes_go_from_right_to_left_only) {
  ASSERT_GT(product().size(), 20u);
  EXPECT_EQ(join(wrong_directions(product())), "");
}

TEST(Structure, each_library_has_one_door) { EXPECT_EQ(join(wrong_doors(product())), ""); }

TEST(Structure, no_header_is_dead) { EXPECT_EQ(join(dead_headers(product())), ""); }

TEST(Structure, every_file_name_names_something) {
  EXPECT_EQ(join(names_that_name_nothing(product())), "");
  EXPECT_EQ(join(names_that_name_nothing(sources_below({"tests", "bench"}))), "");
}

TEST(Structure, headers_are_included_once) {
  for (const auto& source : product()) {
    if (source.path.ends_with(".h")) {
      EXPECT_NE(source.text.find("#pragma once\n"), std::string::npos) << source.path;
    }
  }
}

TEST(Structure, tests_wait_for_events_and_never_sleep) {
  auto tests = sources_below({"tests"});
  std::erase_if(tests, [](auto& source) { return source.path == "tests/structure/structure_test.cc"; });
  EXPECT_EQ(join(sleeps(tests)), "");
}

TEST(Structure, the_life_of_a_request_names_what_exists) {
  const std::string document = read(fs::path(GATEHOUSE_SOURCE_DIR) / "docs/life_of_a_request.md");
  ASSERT_NE(document, "");
  EXPECT_EQ(join(missing_in_sources(document, product())), "");
}

TEST(Structure, every_threat_names_its_tests) {
  const std::string document = read(fs::path(GATEHOUSE_SOURCE_DIR) / "docs/threat_model.md");
  ASSERT_NE(document, "");
  EXPECT_EQ(join(untested_threats(document, sources_below({"tests"}))), "");
}

// One place starts programs, those that the settings name; nothing of an object ever reaches a shell.
TEST(Structure, nothing_of_an_object_is_run) { EXPECT_EQ(join(starters(product())), "\n  acme/program.cc"); }

// The rules themselves, on files that break them.

TEST(StructureRules, see_an_include_in_the_wrong_direction) {
  const auto broken = [](const char* from, const char* to) {
    return !wrong_directions({{from, std::string("#include \"") + to + "\"\n"}}).empty();
  };
  EXPECT_FALSE(broken("proxy/forward.cc", "proxy/upstream/pool.h"));
  EXPECT_FALSE(broken("main.cc", "cli/run.h"));
  EXPECT_TRUE(broken("base/log.cc", "tls/openssl.h"));
  EXPECT_TRUE(broken("proxy/forward.cc", "config/settings.h"));
  EXPECT_TRUE(broken("proxy/http/message.h", "proxy/route/route.h"));
  EXPECT_TRUE(broken("proxy/route/route.h", "proxy/snapshot.h"));
  EXPECT_TRUE(broken("attic/old.cc", "base/log.h"));
}

TEST(StructureRules, see_a_library_in_the_wrong_room) {
  EXPECT_TRUE(wrong_doors({{"tls/openssl.h", "#include <openssl/ssl.h>\n"}}).empty());
  EXPECT_FALSE(wrong_doors({{"proxy/relay.cc", "#pragma once\n#include <openssl/ssl.h>\n"}}).empty());
  EXPECT_FALSE(wrong_doors({{"proxy/http/http2_server.cc", "#include <nghttp2/nghttp2.h>\n"}}).empty());
}

TEST(StructureRules, see_a_dead_header) {
  const Source header{"base/odd.h", ""};
  EXPECT_EQ(dead_headers({header, {"base/odd.cc", "#include \"base/odd.h\"\n"}}).size(), 1u);
  EXPECT_TRUE(dead_headers({header, {"tls/user.cc", "#include \"base/odd.h\"\n"}}).empty());
}

TEST(StructureRules, see_names_and_sleeps) {
  EXPECT_FALSE(names_that_name_nothing({{"base/string_util.h", ""}}).empty());
  EXPECT_FALSE(names_that_name_nothing({{"proxy/impl/x.h", ""}}).empty());
  EXPECT_TRUE(names_that_name_nothing({{"tls/handshake.h", ""}}).empty());
  EXPECT_FALSE(sleeps({{"tests/x_test.cc", "std::this_thread::sleep_for(1s);"}}).empty());
}

TEST(StructureRules, see_a_walk_that_leads_nowhere) {
  const std::vector<Source> sources = {{"proxy/relay.cc", "// old_name(\nvoid Relay::copy_both(int a) {}"}};
  EXPECT_TRUE(missing_in_sources("`relay.cc`, `copy_both()`, `Relay::copy_both`, `plain words`", sources).empty());
  EXPECT_EQ(missing_in_sources("`tunnel.cc`", sources).size(), 1u);
  EXPECT_EQ(missing_in_sources("`old_name()`", sources).size(), 1u);
  EXPECT_EQ(missing_in_sources("`Relay::run`", sources).size(), 1u);
}

TEST(StructureRules, see_a_threat_without_a_test) {
  const std::vector<Source> tests = {{"tests/fuzz/x.cc", ""},
                                     {"tests/x_test.cc", "TEST(Some, thing) {}\nTEST_P(Rows, answer)\n{\"F1\", 1}"}};
  const auto complaints = [&](const std::string& row) {
    return untested_threats("| F1 | a threat | " + row + " |\n", tests).size();
  };
  const std::size_t others = complaints("`Some.thing`");
  EXPECT_EQ(complaints("`Threats/Rows.answer/F1`, `tests/fuzz/x.cc`"), others);
  for (const char* row : {"none", "`Some.other`", "`Other.thing`", "`tests/fuzz/y.cc`", "`Threats/Rows.answer/F2`"})
    EXPECT_EQ(complaints(row), others + 1) << row;
}

TEST(StructureRules, see_who_starts_programs) {
  EXPECT_FALSE(starters({{"config/x.cc", "::execvp(name, words);"}}).empty());
  EXPECT_TRUE(starters({{"config/x.cc", "co_spawn(io, run());"}}).empty());
}

}  // namespace
}  // namespace gatehouse
