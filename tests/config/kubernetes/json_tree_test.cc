#include "config/kubernetes/manifest.h"
#include "config/kubernetes/object_reader.h"
#include "config/kubernetes/object_writer.h"
#include "config/kubernetes/tree.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace gatehouse::kubernetes {
namespace {

TEST(JsonTree, GivesValuesAsYamlDoes) {
  const Tree tree = Tree::from_json(
      R"({"s":"a\u00e9\n\"","n":80,"big":18446744073709551615,"d":1.5,"t":true,"nil":null,"l":[1,[],{}],"m":{"x":{"y":"z"}}})");
  ASSERT_EQ(tree.failure().words, "");
  const Value root = tree.root();
  EXPECT_EQ(root["s"].text(), "a\u00e9\n\"");
  EXPECT_TRUE(root["s"].quoted());
  EXPECT_EQ(root["n"].text(), "80");
  EXPECT_FALSE(root["n"].quoted());
  EXPECT_EQ(root["big"].text(), "18446744073709551615");
  EXPECT_EQ(root["d"].text(), "1.5");
  EXPECT_EQ(root["t"].text(), "true");
  EXPECT_FALSE(root["nil"].given());
  EXPECT_TRUE(root["l"].is_list());
  EXPECT_EQ(root["m"]["x"]["y"].path(), "m.x.y");
  EXPECT_EQ(root["m"]["x"]["y"].line(), 0);
}

TEST(JsonTree, LeavesOutWhatNobodyReads) {
  const Tree tree = Tree::from_json(
      R"({"metadata":{"managedFields":[{"a":{"b":[1]}}],"name":"x","annotations":{
         "kubectl.kubernetes.io/last-applied-configuration":"{\"long\":\n1}","a":"b"}},"managedFields":"stays"})");
  ASSERT_EQ(tree.failure().words, "");
  EXPECT_EQ(tree.root().json(), R"({"managedFields":"stays","metadata":{"annotations":{"a":"b"},"name":"x"}})");
}

TEST(JsonTree, WritesOneTextForEqualValues) {
  const Tree one = Tree::from_json(R"({"b":[1,true,null,"1"],"a":{"y":"\u0001\\","x":-2.5}})");
  const Tree other = Tree::from_json(R"({ "a" : {"x":-2.5,"y":"\u0001\\"}, "b":[1,true,null,"1"]})");
  EXPECT_EQ(one.root().json(), R"({"a":{"x":-2.5,"y":"\u0001\\"},"b":[1,true,null,"1"]})");
  EXPECT_EQ(one.root().json(), other.root().json());
}

TEST(JsonTree, RefusesWhatIsNoJsonOrTooMuch) {
  const auto words = [](const std::string& text) {
    const Tree tree = Tree::from_json(text);
    EXPECT_FALSE(tree.root().given());
    return tree.failure().words;
  };
  for (const std::string text :
       {"", "{", "{} x", "{\"a\":1,}", "[1", "nul", "{\"a\":\"\xff\"}", "{'a':1}", "{\"a\":01}"})
    EXPECT_TRUE(words(text).starts_with("not JSON at byte ")) << text << ": " << words(text);
  EXPECT_EQ(words(R"({"a":1,"b":2,"a":3})"), "the key 'a' is given twice");
  EXPECT_NE(words(std::string(200, '[') + std::string(200, ']')), "");
  std::string many = "[0";
  for (int i = 0; i < 500'000; ++i) many += ",0";
  EXPECT_EQ(words(many + "]"), "it has too many parts");
}

TEST(JsonTree, KnowsTheBeginningOfAnObject) {
  const Tree tree = Tree::from_json_beginning(R"({"metadata":{"name":"huge","namespace":"a"},"x":"yyy)");
  EXPECT_EQ(tree.root()["metadata"]["name"].text(), "huge");
  EXPECT_EQ(Tree::from_json_beginning("{\"a\"").root()["metadata"]["name"].text(), "");
  EXPECT_FALSE(Tree::from_json_beginning("").root().given());
}

// ---- both roads lead to the same objects

std::string file_text(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

void read_one(const Value& root, ParsedManifest& parsed) {
  read_object(root, {root["apiVersion"].text(), root["kind"].text()}, {}, parsed);
}

TEST(JsonRoad, GivesTheObjectsOfTheYamlRoadAndBack) {
  std::size_t objects = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GATEHOUSE_SOURCE_DIR "/tests/golden/ingress")) {
    const std::string text = file_text(entry.path());
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find("\n---", at), text.size());
      const Tree yaml(std::string_view(text).substr(at, end - at), 1);
      at = end + 1;
      if (!yaml.root().is_map() || yaml.root()["kind"].text().ends_with("List")) continue;
      const std::string json = yaml.root().json();
      const Tree tree = Tree::from_json(json);
      ASSERT_EQ(tree.failure().words, "") << entry.path() << json;
      ASSERT_EQ(tree.root().json(), json);
      ParsedManifest from_yaml, from_json;
      read_one(yaml.root(), from_yaml);
      read_one(tree.root(), from_json);
      ASSERT_EQ(from_yaml.objects.size(), from_json.objects.size()) << json;
      ASSERT_EQ(from_yaml.problems.size(), from_json.problems.size()) << json;
      ASSERT_EQ(from_yaml.refused, from_json.refused);
      for (std::size_t i = 0; i < from_yaml.objects.size(); ++i, ++objects) {
        EXPECT_TRUE(equal(from_yaml.objects[i], from_json.objects[i])) << json;
        ParsedManifest written;
        const Tree again = Tree::from_json(write_object(from_json.objects[i]));
        read_one(again.root(), written);
        ASSERT_EQ(written.objects.size(), 1u) << json << "\n" << again.root().json();
        EXPECT_TRUE(equal(written.objects[0], from_json.objects[i])) << json << "\n" << again.root().json();
      }
    }
  }
  EXPECT_GT(objects, 200u);
}

}  // namespace
}  // namespace gatehouse::kubernetes
