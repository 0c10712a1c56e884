#include "config/kubernetes/json_pieces.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

// Fed in pieces of that size.
struct ReadList {
  std::vector<std::string> items;
  bool whole = false;
  bool json = true;
  ListFacts facts;
};

ReadList read_list(std::string_view text, std::size_t cut) {
  ReadList read;
  ListPieces pieces([&](const ObjectText& item) {
    read.items.push_back(std::string(item.text.substr(0, 100)) + (item.too_large ? " (too large)" : ""));
  });
  for (; !text.empty(); text.remove_prefix(std::min(cut, text.size())))
    read.json = pieces.feed(text.substr(0, cut)) && read.json;
  read.whole = pieces.whole();
  read.facts = pieces.facts();
  return read;
}

const std::string list =
    R"( {"kind":"IngressList","apiVersion":"networking.k8s.io/v1","metadata":{"resourceVersion":"17",
 "continue":"next\/page"}, "items" : [ {"metadata":{"name":"a]}\"{"}} , {"b":[1,2,[]]},[3],"x" , 12 ], "more":{"items":[7]}}
)";

TEST(ListPieces, AreTheItemsHoweverTheBytesAreCut) {
  for (std::size_t cut = 1; cut <= list.size(); ++cut) {
    const ReadList read = read_list(list, cut);
    const std::vector<std::string> expected = {R"({"metadata":{"name":"a]}\"{"}})", R"({"b":[1,2,[]]})", "[3]", "\"x\"",
                                               "12"};
    ASSERT_EQ(read.items, expected) << cut;
    ASSERT_TRUE(read.whole);
    ASSERT_EQ(read.facts.kind, "IngressList");
    ASSERT_EQ(read.facts.resource_version, "17");
    ASSERT_EQ(read.facts.continue_token, "next/page");
  }
}

TEST(ListPieces, TakeTheMembersInAnyOrder) {
  const ReadList read = read_list(R"({"items":[{}],"metadata":{"resourceVersion":"2"},"kind":"ServiceList"})", 5);
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.items.size(), 1u);
  EXPECT_EQ(read.facts.resource_version, "2");
}

TEST(ListPieces, KnowHalfAListAndWhatIsNone) {
  for (std::size_t size = 0; size + 2 < list.size(); ++size)
    ASSERT_FALSE(read_list(list.substr(0, size), 7).whole) << size;
  for (const char* text :
       {"<html>", "{}", R"({"kind":"IngressList"})", R"({"kind":"IngressList","metadata":{"resourceVersion":"1"}})",
        R"({"kind":"IngressList","items":[]})", R"({"items":[],"metadata":{"resourceVersion":"1"}})",
        R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":{}})",
        R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[]} x)",
        R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[]} {})",
        R"({"kind":"IngressList" "metadata":{"resourceVersion":"1"},"items":[]})",
        R"({"kind":"Status","metadata":{"resourceVersion":"1"},"items":[]})",
        R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[,]})", "[]", "null"})
    EXPECT_FALSE(read_list(text, 4).whole) << text;
  EXPECT_TRUE(read_list(R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":null})", 4).whole);
}

TEST(ListPieces, PassOverWhatIsTooLargeAndTellItsBeginning) {
  const std::string large = R"({"metadata":{"name":"huge"},"x":")" + std::string(largest_object, 'y') + "\"}";
  const std::string text =
      R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[{"a":1},)" + large + R"(,{"b":2}]})";
  for (const std::size_t cut : {std::size_t(60'000), text.size()}) {
    const ReadList read = read_list(text, cut);
    ASSERT_EQ(read.items.size(), 3u);
    EXPECT_TRUE(read.items[1].starts_with(R"({"metadata":{"name":"huge"})"));
    EXPECT_TRUE(read.items[1].ends_with("(too large)"));
    EXPECT_EQ(read.items[2], R"({"b":2})");
    EXPECT_TRUE(read.whole);
  }
}

TEST(ListPieces, NestingCostsNoMemory) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const ReadList read = read_list(
      R"({"kind":"XList","x":)" + deep + R"(,"metadata":{"resourceVersion":"1"},"items":[)" + deep + ",{}]}", 4096);
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.items.size(), 2u);
}

std::vector<std::string> read_watch(std::string_view text, std::size_t cut, bool* between = nullptr) {
  std::vector<std::string> events;
  WatchPieces pieces([&](const EventText& event) {
    events.push_back(std::string(event.type) + " " + std::string(event.object.text.substr(0, 100)) +
                     (event.object.too_large ? " (too large)" : ""));
  });
  for (; !text.empty(); text.remove_prefix(std::min(cut, text.size())))
    if (!pieces.feed(text.substr(0, cut))) events.push_back("no JSON");
  if (between != nullptr) *between = pieces.between();
  return events;
}

TEST(WatchPieces, AreTheEventsWithAndWithoutLines) {
  const std::string text = R"({"type":"ADDED","object":{"a":"}{"}}
{"object":{"b":1},"type":"DELETED"}{"type":"BOOKMARK","x":[],"object":{}} )";
  const std::vector<std::string> expected = {R"(ADDED {"a":"}{"})", R"(DELETED {"b":1})", "BOOKMARK {}"};
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    bool between = false;
    ASSERT_EQ(read_watch(text, cut, &between), expected) << cut;
    ASSERT_TRUE(between);
    read_watch(text.substr(0, text.size() - 2), cut, &between);
    ASSERT_FALSE(between);
  }
}

TEST(WatchPieces, SayWhenItIsNoJson) {
  EXPECT_EQ(read_watch("<html>", 100), std::vector<std::string>{"no JSON"});
  EXPECT_EQ(read_watch(R"({"type":"ADDED","object":{}},{"type":"ADDED")", 100),
            (std::vector<std::string>{"ADDED {}", "no JSON"}));
  EXPECT_EQ(read_watch(R"({"object":{}}{"type":"ADDED"}{})", 100), std::vector<std::string>{});
}

TEST(WatchPieces, AnEventThatIsTooLargeCostsOnlyItself) {
  const std::string text = R"({"type":"MODIFIED","object":{"n":"big","x":")" + std::string(largest_object, 'y') +
                           R"("}}{"type":"ADDED","object":{}})";
  const auto events = read_watch(text, 16'384);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].starts_with(R"(MODIFIED {"n":"big")"));
  EXPECT_TRUE(events[0].ends_with("(too large)"));
  EXPECT_EQ(events[1], "ADDED {}");
}

}  // namespace
}  // namespace gatehouse::kubernetes
