#include "config/setting_tree.h"

#include "config/variables.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <set>
#include <sstream>

namespace gatehouse {
namespace {

struct Refused {
  Place place;
  std::string words;
};

// Builds the tree from the parser's events, so that no limit is looked at too late.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, const std::map<std::string, std::string>& variables,
              std::vector<Problem>& problems, const SettingTreeLimits& limits)
      : file_(file), variables_(variables), problems_(problems), limits_(limits) {}

  SettingNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Refused{place(mark), "only one YAML document is allowed here"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish({SettingNode::Kind::null, {}, {}, place(mark)}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    SettingNode node{SettingNode::Kind::scalar, value, {}, place(mark)};
    charge(node.place, value.size());
    if (!expects_key()) replace_variables(node);
    finish(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto named = anchors_.find(anchor);
    if (named == anchors_.end()) throw Refused{place(mark), "an alias stands inside what it names"};
    charge_tree(place(mark), named->second);
    finish(named->second, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(SettingNode::Kind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(SettingNode::Kind::map, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    SettingNode node;
    YAML::anchor_t anchor;
    bool has_key = false;  // of a map: the next node is the value of its last member
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == SettingNode::Kind::map && !open_.back().has_key;
  }

  void charge(const Place& where, std::size_t bytes) {
    memory_ += bytes + sizeof(SettingMember);
    if (memory_ > limits_.memory_bytes) throw Refused{where, "the file holds too much, aliases and variables replaced"};
  }

  void charge_tree(const Place& where, const SettingNode& node) {
    charge(where, node.text.size());
    for (const auto& member : node.members) charge_tree(where, member.value);
  }

  void replace_variables(SettingNode& node) {
    std::vector<std::string> complaints;
    node.text = with_variables(node.text, variables_, limits_.memory_bytes, complaints);
    charge(node.place, node.text.size());
    if (!complaints.empty()) node.kind = SettingNode::Kind::broken;
    for (const auto& words : complaints) {
      charge(node.place, words.size());
      problems_.push_back(error_at(node.place, {}, words));
    }
  }

  void open(SettingNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= limits_.depth)
      throw Refused{place(mark), "nested more than " + std::to_string(limits_.depth) + " levels deep"};
    charge(place(mark), 0);
    open_.push_back({{kind, {}, {}, place(mark)}, anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.node.kind == SettingNode::Kind::map) merge(done.node);
    finish(std::move(done.node), done.anchor);
  }

  // `<<: *other`: what the map does not say itself comes from the other.
  void merge(SettingNode& map) {
    const auto key = std::find_if(map.members.begin(), map.members.end(), [](const auto& m) { return m.key == "<<"; });
    if (key == map.members.end() || key->value.kind != SettingNode::Kind::map) return;
    SettingNode other = std::move(key->value);
    map.members.erase(key);
    std::set<std::string> own;
    for (const auto& member : map.members) own.insert(member.key);
    for (auto& member : other.members)
      if (!own.contains(member.key)) map.members.push_back(std::move(member));
  }

  void finish(SettingNode node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      charge_tree(node.place, node);
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (expects_key()) {
      begin_member(std::move(node));
    } else {
      end_member(std::move(node));
    }
  }

  void begin_member(SettingNode key) {
    if (key.kind != SettingNode::Kind::scalar) throw Refused{key.place, "a key must be a word"};
    open_.back().has_key = true;
    open_.back().node.members.push_back({std::move(key.text), key.place, {}});
  }

  void end_member(SettingNode value) {
    auto& top = open_.back();
    if (top.node.kind == SettingNode::Kind::list)
      top.node.members.push_back({std::to_string(top.node.members.size()), value.place, {}});
    top.has_key = false;
    top.node.members.back().value = std::move(value);
  }

  const std::string& file_;
  const std::map<std::string, std::string>& variables_;
  std::vector<Problem>& problems_;
  const SettingTreeLimits& limits_;
  SettingNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, SettingNode> anchors_;
  std::size_t memory_ = 0;
  int documents_ = 0;
};

template <class Node>
auto* find_member(Node& node, std::string_view key) {
  auto found = std::find_if(node.members.begin(), node.members.end(), [&](const auto& m) { return m.key == key; });
  if (found == node.members.end())
    found = std::find_if(node.members.begin(), node.members.end(),
                         [&](const auto& m) { return equal_but_case(m.key, key); });
  return found == node.members.end() ? nullptr : &*found;
}

}  // namespace

const SettingMember* SettingNode::find(std::string_view key) const { return find_member(*this, key); }
SettingMember* SettingNode::find(std::string_view key) { return find_member(*this, key); }

SettingNode parse_setting_tree(const std::string& file, const std::string& text,
                               const std::map<std::string, std::string>& variables, std::vector<Problem>& problems,
                               const SettingTreeLimits& limits) {
  if (text.size() > limits.file_bytes) {
    problems.push_back(error_at({file}, {}, "larger than " + std::to_string(limits.file_bytes >> 10) + " KiB"));
    return {};
  }
  TreeBuilder builder(file, variables, problems, limits);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Refused& refused) {
    problems.push_back(error_at(refused.place, {}, refused.words));
  } catch (const YAML::Exception& error) {
    problems.push_back(error_at({file, error.mark.line + 1, error.mark.column + 1}, {}, "not YAML: " + error.msg));
  } catch (const std::exception& error) {
    problems.push_back(error_at({file}, {}, std::string("not YAML: ") + error.what()));
  }
  return {};
}

Problem error_at(const Place& place, std::string object, std::string words) {
  return {place.source, place.line, place.column, Severity::error, std::move(object), std::move(words)};
}

Problem warning_at(const Place& place, std::string object, std::string words) {
  return {place.source, place.line, place.column, Severity::warning, std::move(object), std::move(words)};
}

bool equal_but_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace gatehouse
