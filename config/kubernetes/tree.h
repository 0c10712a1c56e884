// Tree: one YAML or JSON document as a flat vector of nodes, built from yaml-cpp's events (half the time and a tenth of
// the memory of its own Node), for the API server's objects from Boost.JSON's. Immutable. Untrusted text: depth is
// bounded by yaml-cpp (500), aliases share their anchor's nodes, and a document whose aliases would unfold to more than
// 100,000 extra nodes is refused. Merge keys (`<<`) and keys that are not text are refused, a key given twice (among a
// map's first 100) too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

class Value;

class Tree {
 public:
  enum class Kind : std::uint8_t { absent, null, text, list, map };

  struct Failure {
    int line = 0;  // from 1
    int column = 0;
    std::string words;  // empty: none
  };

  Tree() = default;  // nothing
  // The one document in `text`, whose first line is line `first_line` of its file.
  Tree(std::string_view text, int first_line);

  // An object as the API server gives it. `metadata.managedFields` and the annotation of kubectl apply, more than half
  // of many objects and read by nobody, are left out. No lines and columns; at most 100 levels and 400,000 nodes.
  static Tree from_json(std::string_view text);
  // What the beginning of such an object says.
  static Tree from_json_beginning(std::string_view text);

  const Failure& failure() const { return failure_; }
  Value root() const;  // absent when there is no document or it could not be read

 private:
  friend class Value;
  friend class TreeBuilder;
  friend class JsonTreeBuilder;

  struct Node {
    Kind kind = Kind::absent;
    bool quoted = false;
    std::uint32_t line = 0, column = 0;
    std::uint32_t key = 0, key_size = 0;  // where in text_
    std::uint32_t text = 0, text_size = 0;
    std::uint32_t first_child = 0, next = 0, parent = 0;  // 0: none; node 0 is the absent one
  };

  std::vector<Node> nodes_ = {Node()};
  std::string text_;
  Failure failure_;
};

// A place in a Tree; valid as long as the tree. Asking an absent value for anything answers emptily.
class Value {
 public:
  using Kind = Tree::Kind;

  Value(const Tree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}

  Kind kind() const { return node().kind; }
  bool given() const { return kind() > Kind::null; }
  bool is_map() const { return kind() == Kind::map; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_text() const { return kind() == Kind::text; }
  bool quoted() const { return node().quoted; }
  int line() const { return static_cast<int>(node().line); }
  int column() const { return static_cast<int>(node().column); }
  std::string_view text() const { return {tree_->text_.data() + node().text, node().text_size}; }
  std::string_view key() const { return {tree_->text_.data() + node().key, node().key_size}; }

  Value operator[](std::string_view name) const;
  // `spec.rules[0].host`, from the document's root.
  std::string path() const;
  // As JSON without spaces, the keys of maps in order: equal values have equal texts.
  std::string json() const;

  // The children of a map or list, in order.
  class Iterator {
   public:
    Iterator(const Tree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}
    Value operator*() const { return {*tree_, index_}; }
    Iterator& operator++() {
      index_ = tree_->nodes_[index_].next;
      return *this;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const Tree* tree_;
    std::uint32_t index_;
  };
  Iterator begin() const { return {*tree_, node().first_child}; }
  Iterator end() const { return {*tree_, 0}; }

 private:
  const Tree::Node& node() const { return tree_->nodes_[index_]; }

  const Tree* tree_;
  std::uint32_t index_;
};

}  // namespace gatehouse::kubernetes
