#include "proxy/route/path_match.h"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse {
namespace {

std::string normal(std::string_view raw) {
  std::string storage;
  const auto path = normalised_path(raw, storage);
  return path ? std::string(*path) : "nothing";
}

TEST(NormalisedPath, resolves_what_matching_must_not_see) {
  struct Row {
    std::string_view raw, normal;
  };
  const Row rows[] = {
      {"", "/"},
      {"/", "/"},
      {"*", "*"},
      {"/a/b", "/a/b"},
      {"/a/b/", "/a/b/"},
      {"//a", "/a"},
      {"/a//b", "/a/b"},
      {"/a//", "/a/"},
      {"//", "/"},
      {"/.", "/"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/b/..", "/a/"},
      {"/a/../b", "/b"},
      {"/a//../b", "/b"},
      {"/a/b/../../c", "/c"},
      {"/%2e%2e/admin", "nothing"},
      {"/a/%2E%2e/b", "/b"},
      {"/..", "nothing"},
      {"/../../etc", "nothing"},
      {"/a/../..", "nothing"},
      {"/.well-known/x", "/.well-known/x"},
      {"/..a/...", "/..a/..."},
      {"/%41%7e%2d", "/A~-"},
      {"/group%2Fproject", "/group%2Fproject"},
      {"/group%2fproject", "/group%2Fproject"},
      {"/a/..%2fadmin", "/a/..%2Fadmin"},
      {"/a%00b", "nothing"},
      {"/%zz", "nothing"},
      {"/%", "nothing"},
      {"/%4", "nothing"},
      {"/a;b?", "/a;b?"},
      {"/%c0%ae%c0%ae/x", "/%C0%AE%C0%AE/x"},
      {"a/b", "nothing"},
      {"http://a/", "nothing"},
  };
  for (const auto& row : rows) EXPECT_EQ(normal(row.raw), row.normal) << row.raw;
}

TEST(NormalisedPath, returns_the_input_itself_when_there_is_nothing_to_do) {
  for (const std::string_view raw :
       {"/", "/a/b/", "/api/v4/projects/group%2Fproject", "/.well-known/acme-challenge/x"}) {
    std::string storage;
    const auto path = normalised_path(raw, storage);
    ASSERT_TRUE(path);
    EXPECT_EQ(path->data(), raw.data());
    EXPECT_EQ(storage.capacity(), std::string().capacity());
  }
}

TEST(NormalisedPath, is_a_fixed_point_for_random_input) {
  std::mt19937 random(1);
  constexpr std::string_view pieces[] = {"/",   "//", ".", "..",  "%2e",  "%2F", "%2f",
                                         "%00", "%",  "a", "%41", "\x01", "ü"};
  for (int round = 0; round < 50'000; ++round) {
    std::string raw = "/";
    for (auto n = random() % 8; n > 0; --n) raw += pieces[random() % std::size(pieces)];
    std::string storage;
    const auto once = normalised_path(raw, storage);
    if (!once) continue;
    std::string again;
    ASSERT_EQ(normalised_path(*once, again), once) << raw;
    EXPECT_TRUE(again.empty()) << raw;
    EXPECT_EQ(once->find("//"), std::string_view::npos) << raw;
  }
}

TEST(PrefixCovers, compares_whole_elements) {
  EXPECT_TRUE(prefix_covers("", "/"));
  EXPECT_TRUE(prefix_covers("", "/foo"));
  EXPECT_TRUE(prefix_covers("/foo", "/foo"));
  EXPECT_TRUE(prefix_covers("/foo", "/foo/"));
  EXPECT_TRUE(prefix_covers("/foo", "/foo/bar"));
  EXPECT_FALSE(prefix_covers("/foo", "/foobar"));
  EXPECT_FALSE(prefix_covers("/foo", "/FOO"));
  EXPECT_FALSE(prefix_covers("/foo", "/fo"));
  EXPECT_FALSE(prefix_covers("/foo", "/"));
}

TEST(ComparablePath, drops_the_trailing_slash_of_a_prefix_only) {
  HttpRoute route;
  const auto of = [&](PathKind kind, std::string path) {
    route.path_kind = kind;
    route.path = std::move(path);
    std::string storage;
    return std::string(comparable_path(route, storage));
  };
  EXPECT_EQ(of(PathKind::prefix, "/"), "");
  EXPECT_EQ(of(PathKind::prefix, ""), "");
  EXPECT_EQ(of(PathKind::exact, ""), "");  // every path, whatever the kind says
  EXPECT_EQ(of(PathKind::prefix, "/foo/"), "/foo");
  EXPECT_EQ(of(PathKind::exact, "/foo/"), "/foo/");
  EXPECT_EQ(of(PathKind::exact, "/%7Ea"), "/~a");
  EXPECT_EQ(of(PathKind::regex, "/a//b$"), "/a//b$");
  EXPECT_EQ(of(PathKind::prefix, "/../x"), "/../x");
}

}  // namespace
}  // namespace gatehouse
