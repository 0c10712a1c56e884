#include "config/kubernetes/tree.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

TEST(Tree, GivesValuesByNameAndInOrderWithTheirPlaces) {
  const Tree tree("spec:\n  rules:\n    - host: a.example.com\n    - {host: \"b\", port: 80}\n", 10);
  const Value rules = tree.root()["spec"]["rules"];
  ASSERT_TRUE(rules.is_list());
  std::string hosts;
  for (const Value rule : rules) hosts += std::string(rule["host"].text()) + " " + rule["host"].path() + "\n";
  EXPECT_EQ(hosts, "a.example.com spec.rules[0].host\nb spec.rules[1].host\n");
  const Value host = (*rules.begin())["host"];
  EXPECT_EQ(host.line(), 12);
  EXPECT_EQ(host.column(), 13);
  EXPECT_FALSE(host.quoted());
}

TEST(Tree, AnswersEmptilyWhereNothingIs) {
  const Tree tree("a: {b: ~, c: null, d: }\n", 1);
  EXPECT_FALSE(tree.root()["x"]["y"]["z"].given());
  for (const char* name : {"b", "c", "d"}) EXPECT_FALSE(tree.root()["a"][name].given()) << name;
  EXPECT_EQ(tree.root()["x"].begin(), tree.root()["x"].end());
  EXPECT_FALSE(Tree("", 1).root().given());
  EXPECT_FALSE(Tree("# only words\n", 1).root().given());
}

TEST(Tree, KnowsQuotedFromPlain) {
  const Tree tree("a: \"80\"\nb: 80\nc: '80'\nd: |\n  80\n", 1);
  EXPECT_TRUE(tree.root()["a"].quoted());
  EXPECT_FALSE(tree.root()["b"].quoted());
  EXPECT_TRUE(tree.root()["c"].quoted());
  EXPECT_EQ(tree.root()["d"].text(), "80\n");
}

TEST(Tree, SharesWhatAliasesNameAndBoundsIt) {
  const Tree tree("a: &x {b: [1, 2]}\nc: *x\n", 1);
  EXPECT_EQ((*tree.root()["c"]["b"].begin()).text(), "1");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_NE(Tree(bomb, 1).failure().words.find("unfold"), std::string::npos);
  EXPECT_FALSE(Tree(bomb, 1).root().given());
}

struct Refused {
  const char* text;
  const char* words;
  int line;
};

class TreeRefuses : public testing::TestWithParam<Refused> {};

TEST_P(TreeRefuses, SayingWhatAndWhere) {
  const Tree tree(GetParam().text, 5);
  EXPECT_NE(tree.failure().words.find(GetParam().words), std::string::npos) << tree.failure().words;
  EXPECT_EQ(tree.failure().line, GetParam().line);
  EXPECT_FALSE(tree.root().given());
}

INSTANTIATE_TEST_SUITE_P(
    Texts, TreeRefuses,
    testing::Values(Refused{"a: [1, 2\nb: 3\n", "not YAML", 6}, Refused{"a: 1\n  b: 2\n", "not YAML", 6},
                    Refused{"a: 1\na: 2\n", "given twice", 6}, Refused{"a: {b: 1, <<: {c: 2}}\n", "merge keys", 5},
                    Refused{"? [1]\n: 2\n", "not text", 5}, Refused{"a: &x [1, *x]\n", "inside its own anchor", 5},
                    Refused{"a: *nowhere\n", "not YAML", 5}, Refused{"{a: 1}\n{b: 2}\n", "", 6}));

TEST(Tree, SurvivesDepth) {
  for (const char* opening : {"[", "{a: ", "- ", "? "}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += opening;
    EXPECT_FALSE(Tree(deep, 1).failure().words.empty()) << opening;
  }
}

}  // namespace
}  // namespace gatehouse::kubernetes
