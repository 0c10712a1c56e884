#include "config/kubernetes/tree.h"

#include "config/problem.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t most_unfolded = 100'000;
constexpr std::size_t most_compared = 100;  // children looked at for a repeated key

// Ends yaml-cpp's parse from inside an event.
struct Refusal {
  YAML::Mark mark;
  std::string words;
};

}  // namespace

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Tree& tree, int first_line) : tree_(tree), first_line_(first_line) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (tree_.nodes_.size() > 1) throw Refusal{mark, "a second document without --- before it"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (takes_key()) return set_key(mark, "");
    note_anchor(anchor, add(mark, Tree::Kind::null));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (takes_key()) throw Refusal{mark, "a key is not text"};
    const Anchor* target = anchor < anchors_.size() ? &anchors_[anchor] : nullptr;
    if (target == nullptr || target->size == 0) throw Refusal{mark, "an alias inside its own anchor"};
    unfolded_ += target->size;
    if (unfolded_ > most_unfolded) throw Refusal{mark, "its aliases unfold to too much"};
    const std::uint32_t index = add(mark, Tree::Kind::null);
    const Tree::Node source = tree_.nodes_[target->node];
    Tree::Node& node = tree_.nodes_[index];
    node.kind = source.kind;
    node.quoted = source.quoted;
    node.text = source.text;
    node.text_size = source.text_size;
    node.first_child = source.first_child;
    if (!open_.empty()) open_.back().size += target->size;
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (takes_key()) return set_key(mark, value);
    const std::uint32_t index = add(mark, Tree::Kind::text);
    Tree::Node& node = tree_.nodes_[index];
    node.quoted = tag == "!";
    node.text = store(value);
    node.text_size = static_cast<std::uint32_t>(value.size());
    note_anchor(anchor, index);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, anchor, Tree::Kind::list);
  }
  void OnSequenceEnd() override { finish(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, anchor, Tree::Kind::map);
  }
  void OnMapEnd() override { finish(); }

 private:
  struct Anchor {
    std::uint32_t node = 0;
    std::size_t size = 0;  // 0: not finished
  };
  struct Open {
    std::uint32_t node;
    YAML::anchor_t anchor;
    std::uint32_t last_child = 0;
    std::size_t children = 0;
    bool has_key = false;
    std::uint32_t key = 0, key_size = 0;
    std::size_t size = 1;  // nodes below, aliases unfolded
  };

  bool takes_key() const {
    return !open_.empty() && tree_.nodes_[open_.back().node].kind == Tree::Kind::map && !open_.back().has_key;
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    if (key == "<<") throw Refusal{mark, "merge keys (<<) are not read"};
    Open& open = open_.back();
    if (open.children <= most_compared && has_child(open.node, key))
      throw Refusal{mark, "the key " + quoted(key) + " is given twice"};
    open.has_key = true;
    open.key = store(key);
    open.key_size = static_cast<std::uint32_t>(key.size());
  }

  bool has_child(std::uint32_t node, std::string_view key) const {
    for (const Value child : Value(tree_, node))
      if (child.key() == key) return true;
    return false;
  }

  std::uint32_t store(const std::string& value) {
    const auto at = static_cast<std::uint32_t>(tree_.text_.size());
    tree_.text_ += value;
    return at;
  }

  std::uint32_t add(const YAML::Mark& mark, Tree::Kind kind) {
    const auto index = static_cast<std::uint32_t>(tree_.nodes_.size());
    Tree::Node& node = tree_.nodes_.emplace_back();
    node.kind = kind;
    node.line = static_cast<std::uint32_t>(first_line_ + mark.line);
    node.column = static_cast<std::uint32_t>(mark.column + 1);
    if (open_.empty()) return index;
    Open& open = open_.back();
    node.parent = open.node;
    node.key = open.key;
    node.key_size = open.has_key ? open.key_size : 0;
    open.has_key = false;
    ++open.size;
    ++open.children;
    (open.last_child != 0 ? tree_.nodes_[open.last_child].next : tree_.nodes_[open.node].first_child) = index;
    open.last_child = index;
    return index;
  }

  void start(const YAML::Mark& mark, YAML::anchor_t anchor, Tree::Kind kind) {
    if (takes_key()) throw Refusal{mark, "a key is not text"};
    const std::uint32_t index = add(mark, kind);
    if (anchor != 0 && anchors_.size() <= anchor) anchors_.resize(anchor + 1);
    open_.push_back({index, anchor});
  }

  void finish() {
    const Open closed = open_.back();
    open_.pop_back();
    if (closed.anchor != 0) anchors_[closed.anchor] = {closed.node, closed.size};
    if (!open_.empty()) open_.back().size += closed.size;
  }

  void note_anchor(YAML::anchor_t anchor, std::uint32_t node) {
    if (anchor == 0) return;
    if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
    anchors_[anchor] = {node, 1};
  }

  Tree& tree_;
  int first_line_;
  std::vector<Open> open_;
  std::vector<Anchor> anchors_;
  std::size_t unfolded_ = 0;
};

Tree::Tree(std::string_view text, int first_line) {
  const auto fail = [&](const YAML::Mark& mark, const std::string& words) {
    nodes_.resize(1);
    failure_ = {first_line + std::max(mark.line, 0), std::max(mark.column, 0) + 1, words};
  };
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(*this, first_line);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    fail(refusal.mark, refusal.words);
  } catch (const YAML::Exception& error) {
    fail(error.mark, "not YAML: " + error.msg);
  } catch (const std::exception& error) {
    fail(YAML::Mark(), std::string("not YAML: ") + error.what());
  }
}

Value Tree::root() const { return {*this, nodes_.size() > 1 ? 1U : 0U}; }

Value Value::operator[](std::string_view name) const {
  if (!is_map()) return {*tree_, 0};
  for (const Value child : *this)
    if (child.key() == name) return child;
  return {*tree_, 0};
}

std::string Value::path() const {
  std::string path;
  for (std::uint32_t at = index_; at > 1;) {
    const Tree::Node& here = tree_->nodes_[at];
    const Tree::Node& above = tree_->nodes_[here.parent];
    std::string step;
    if (above.kind == Kind::list) {
      std::size_t position = 0;
      for (std::uint32_t i = above.first_child; i != 0 && i != at; i = tree_->nodes_[i].next) ++position;
      step = "[" + std::to_string(position) + "]";
    } else {
      step = std::string(tree_->text_.data() + here.key, here.key_size);
    }
    path = step + (path.empty() || path.starts_with('[') ? "" : ".") + path;
    at = here.parent;
  }
  return path;
}

}  // namespace gatehouse::kubernetes
