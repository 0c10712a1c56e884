// Trees from JSON and back.
#include "config/kubernetes/tree.h"

#include "base/asio.h"
#include "config/problem.h"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

namespace json = boost::json;

constexpr std::size_t most_levels = 100;
constexpr std::size_t most_nodes = 400'000;
constexpr std::size_t most_compared = 100;  // children looked at for a repeated key

constexpr std::string_view applied_note = "kubectl.kubernetes.io/last-applied-configuration";

}  // namespace

// The events of Boost.JSON's parser. A value that nobody reads is passed over with all below it.
class JsonTreeBuilder {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  explicit JsonTreeBuilder(Tree& tree) : tree_(tree) {}

  const std::string& refusal() const { return refusal_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& error) { return open(Tree::Kind::map, error); }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code& error) { return open(Tree::Kind::list, error); }
  bool on_array_end(std::size_t, error_code&) { return close(); }

  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    if (skipped_ == 0) add_part(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& error) {
    if (skipped_ > 0) return true;
    add_part(part);
    Open& here = open_.back();
    here.key = part_;
    here.key_size = end_part();
    const std::string_view key(tree_.text_.data() + here.key, here.key_size);
    if (here.children <= most_compared && has_child(here.node, key))
      return refuse("the key " + quoted(key) + " is given twice", error);
    drop_ = is_dropped(key);
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, error_code&) {
    if (skipped_ == 0 && !drop_) add_part(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, error_code& error) { return take_text(part, true, error); }
  bool on_number_part(json::string_view part, error_code&) {
    if (skipped_ == 0 && !drop_) add_part(part);
    return true;
  }
  bool on_int64(std::int64_t, json::string_view part, error_code& error) { return take_text(part, false, error); }
  bool on_uint64(std::uint64_t, json::string_view part, error_code& error) { return take_text(part, false, error); }
  bool on_double(double, json::string_view part, error_code& error) { return take_text(part, false, error); }
  bool on_bool(bool value, error_code& error) { return take_text(value ? "true" : "false", false, error); }
  bool on_null(error_code& error) {
    if (skipped_ > 0 || std::exchange(drop_, false)) return true;
    return add(Tree::Kind::null, error) != 0;
  }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

 private:
  struct Open {
    std::uint32_t node;
    std::uint32_t last_child = 0;
    std::size_t children = 0;
    std::uint32_t key = 0, key_size = 0;
  };

  bool refuse(std::string words, error_code& error) {
    refusal_ = std::move(words);
    error = make_error_code(boost::system::errc::invalid_argument);
    return false;
  }

  // A text or number may come in several parts.
  void add_part(json::string_view part) {
    if (!std::exchange(in_part_, true)) part_ = static_cast<std::uint32_t>(tree_.text_.size());
    tree_.text_.append(part.data(), part.size());
  }
  std::uint32_t end_part() {
    in_part_ = false;
    return static_cast<std::uint32_t>(tree_.text_.size()) - part_;
  }

  bool is_dropped(std::string_view key) const {
    const Value here(tree_, open_.back().node);
    return (key == "managedFields" && here.key() == "metadata") || (key == applied_note && here.key() == "annotations");
  }

  bool has_child(std::uint32_t node, std::string_view key) const {
    for (const Value child : Value(tree_, node))
      if (child.key() == key) return true;
    return false;
  }

  // 0: there are too many.
  std::uint32_t add(Tree::Kind kind, error_code& error) {
    const auto index = static_cast<std::uint32_t>(tree_.nodes_.size());
    if (index > most_nodes) {
      refuse("it has too many parts", error);
      return 0;
    }
    Tree::Node& node = tree_.nodes_.emplace_back();
    node.kind = kind;
    if (open_.empty()) return index;
    Open& here = open_.back();
    node.parent = here.node;
    if (tree_.nodes_[here.node].kind == Tree::Kind::map) {
      node.key = here.key;
      node.key_size = here.key_size;
    }
    ++here.children;
    (here.last_child != 0 ? tree_.nodes_[here.last_child].next : tree_.nodes_[here.node].first_child) = index;
    here.last_child = index;
    return index;
  }

  bool take_text(json::string_view part, bool quoted_text, error_code& error) {
    if (skipped_ > 0 || std::exchange(drop_, false)) return true;
    add_part(part);
    const std::uint32_t index = add(Tree::Kind::text, error);
    if (index == 0) return false;
    Tree::Node& node = tree_.nodes_[index];
    node.quoted = quoted_text;
    node.text = part_;
    node.text_size = end_part();
    return true;
  }

  bool open(Tree::Kind kind, error_code& error) {
    if (skipped_ > 0 || std::exchange(drop_, false)) {
      ++skipped_;
      return true;
    }
    const std::uint32_t index = add(kind, error);
    if (index != 0) open_.push_back({index});
    return index != 0;
  }

  bool close() {
    if (skipped_ > 0)
      --skipped_;
    else
      open_.pop_back();
    return true;
  }

  Tree& tree_;
  std::string refusal_;
  std::vector<Open> open_;
  std::uint32_t part_ = 0;
  bool in_part_ = false;
  bool drop_ = false;        // the value that comes
  std::size_t skipped_ = 0;  // levels of a value that is dropped
};

namespace {

// A plain text that JSON would write without quotes too.
bool is_json_word(std::string_view text) {
  if (text == "true" || text == "false") return true;
  if (text.empty() || text.size() > 32 || (text.front() == '0' && text.size() > 1)) return false;
  const auto digits = text.substr(text.front() == '-' ? 1 : 0);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !digits.empty() && is_digit(digits.front()) && is_digit(digits.back()) &&
         std::all_of(digits.begin(), digits.end(), [&](char c) { return is_digit(c) || c == '.'; }) &&
         std::count(digits.begin(), digits.end(), '.') <= 1;
}

class JsonText {
 public:
  std::string take(const Value& value) {
    write(value);
    return std::move(text_);
  }

 private:
  void write(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::absent:
      case Value::Kind::null: text_ += "null"; return;
      case Value::Kind::text:
        if (value.quoted() || !is_json_word(value.text())) return write_text(value.text());
        text_ += value.text();
        return;
      case Value::Kind::list: return write_list(value);
      case Value::Kind::map: return write_map(value);
    }
  }

  void write_list(const Value& list) {
    text_ += '[';
    bool first = true;
    for (const Value item : list) {
      if (!std::exchange(first, false)) text_ += ',';
      write(item);
    }
    text_ += ']';
  }

  void write_map(const Value& map) {
    std::vector<Value> members;
    for (const Value member : map) members.push_back(member);
    std::sort(members.begin(), members.end(), [](const Value& a, const Value& b) { return a.key() < b.key(); });
    text_ += '{';
    bool first = true;
    for (const Value& member : members) {
      if (!std::exchange(first, false)) text_ += ',';
      write_text(member.key());
      text_ += ':';
      write(member);
    }
    text_ += '}';
  }

  void write_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    text_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\')
        (text_ += '\\') += c;
      else if (byte < 0x20)
        ((text_ += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
      else
        text_ += c;
    }
    text_ += '"';
  }

  std::string text_;
};

}  // namespace

std::string Value::json() const { return JsonText().take(*this); }

Tree Tree::from_json_beginning(std::string_view text) {
  Tree tree;
  json::parse_options options;
  options.max_depth = most_levels;
  json::basic_parser<JsonTreeBuilder> parser(options, tree);
  error_code error;
  parser.write_some(true, text.data(), text.size(), error);
  return tree;
}

Tree Tree::from_json(std::string_view text) {
  Tree tree;
  tree.nodes_.reserve(std::min<std::size_t>(text.size() / 32, 4096) + 2);
  tree.text_.reserve(std::min<std::size_t>(text.size(), 16 * 1024));
  json::parse_options options;
  options.max_depth = most_levels;
  json::basic_parser<JsonTreeBuilder> parser(options, tree);
  error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read == text.size()) return tree;
  const std::string refusal = parser.handler().refusal();
  Tree failed;
  if (!refusal.empty())
    failed.failure_.words = refusal;
  else
    failed.failure_.words = "not JSON at byte " + std::to_string(read) + (error ? ": " + error.message() : "");
  return failed;
}

}  // namespace gatehouse::kubernetes
