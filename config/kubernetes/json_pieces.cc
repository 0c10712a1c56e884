#include "config/kubernetes/json_pieces.h"

#include "config/kubernetes/tree.h"

#include <array>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t longest_key = 256;
constexpr std::size_t longest_word = 64;  // kinds and event types
constexpr std::size_t longest_token = 16 * 1024;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Bytes that mean something outside a text; all others are passed over at once.
constexpr auto turns = [] {
  std::array<bool, 256> table{};
  for (const char c : {'{', '}', '[', ']', '"'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_word_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

// A text without its quotes; one with escapes is none that is looked for here.
std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : std::string_view();
}

}  // namespace

// ---- ValueEnd

bool ValueEnd::start(char first) {
  *this = ValueEnd();
  const bool nested = first == '{' || first == '[';
  form_ = nested ? Form::nested : first == '"' ? Form::text : Form::word;
  return form_ != Form::word || is_word_byte(first);
}

std::size_t ValueEnd::feed(std::string_view bytes) {
  switch (form_) {
    case Form::nested: return feed_nested(bytes);
    case Form::text: return feed_text(bytes);
    case Form::word: return feed_word(bytes);
  }
  return 0;
}

std::size_t ValueEnd::feed_text(std::string_view bytes) {
  std::size_t at = 0;
  if (!in_text_ && !bytes.empty()) {
    in_text_ = true;
    at = 1;  // its first quote
  }
  for (; at < bytes.size(); ++at) {
    if (escaped_)
      escaped_ = false;
    else if (bytes[at] == '\\')
      escaped_ = true;
    else if (bytes[at] == '"') {
      in_text_ = false;
      reached_ = true;
      return at + 1;
    }
  }
  return at;
}

std::size_t ValueEnd::feed_nested(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (in_text_) {
      at += feed_text(bytes.substr(at));
      reached_ = false;
      continue;
    }
    const char byte = bytes[at];
    if (!turns[static_cast<unsigned char>(byte)]) {
      ++at;
    } else if (byte == '"') {
      at += feed_text(bytes.substr(at));
      reached_ = false;
    } else if (byte == '{' || byte == '[') {
      ++depth_;
      ++at;
    } else {
      ++at;
      if (--depth_ > 0) continue;
      reached_ = true;
      return at;
    }
  }
  return at;
}

std::size_t ValueEnd::feed_word(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && is_word_byte(bytes[at])) ++at;
  reached_ = at < bytes.size();
  return at;
}

// ---- MemberPieces

bool MemberPieces::feed(std::string_view bytes) {
  while (!bytes.empty() && step_ != Step::failed) {
    if (step_ == Step::in_key || step_ == Step::in_value || step_ == Step::in_element) {
      bytes.remove_prefix(feed_value(bytes));
      continue;
    }
    const char byte = bytes.front();
    if (!is_space(byte)) turn(byte);
    // A value's first byte belongs to the value.
    const bool inside = step_ == Step::in_key || step_ == Step::in_value || step_ == Step::in_element;
    if (!inside) bytes.remove_prefix(1);
  }
  return step_ != Step::failed;
}

void MemberPieces::turn(char byte) {
  const auto expect = [&](char wanted, Step next) { step_ = byte == wanted ? next : Step::failed; };
  switch (step_) {
    case Step::outside: return expect('{', Step::first_key);
    case Step::first_key:
      if (byte != '}') return byte == '"' ? begin(byte, Step::in_key) : expect('"', Step::key);
      step_ = Step::outside;
      return ports_.object_end();
    case Step::key: return byte == '"' ? begin(byte, Step::in_key) : expect('"', Step::key);
    case Step::colon: return expect(':', Step::value);
    case Step::value: return begin_value(byte);
    case Step::after_value:
      if (byte != '}') return expect(',', Step::key);
      step_ = Step::outside;
      return ports_.object_end();
    case Step::first_element:
      if (byte == ']') return expect(']', Step::after_value);
      return begin(byte, Step::in_element);
    case Step::element: return begin(byte, Step::in_element);
    case Step::after_element:
      if (byte == ']') return expect(']', Step::after_value);
      return expect(',', Step::element);
    case Step::in_key:
    case Step::in_value:
    case Step::in_element:
    case Step::failed: return;
  }
}

void MemberPieces::begin(char byte, Step inside) {
  kept_.clear();
  too_large_ = false;
  step_ = end_.start(byte) ? inside : Step::failed;
}

void MemberPieces::begin_value(char byte) {
  interest_ = ports_.interest(key_);
  if (interest_ == Interest::elements && byte == '[')
    step_ = Step::first_element;
  else
    begin(byte, Step::in_value);
}

std::size_t MemberPieces::feed_value(std::string_view bytes) {
  const std::size_t size = end_.feed(bytes);
  const std::string_view part = bytes.substr(0, size);
  if (!end_.reached()) {
    keep(part);
  } else if (kept_.empty() && !too_large_ && part.size() <= largest_object) {
    value_over(part);
  } else {
    keep(part);
    value_over(kept_);
  }
  return size;
}

void MemberPieces::keep(std::string_view bytes) {
  if (step_ == Step::in_value && interest_ == Interest::skip) return;
  const std::size_t most = step_ == Step::in_key ? longest_key : largest_object;
  const std::size_t room = most - kept_.size();
  too_large_ = too_large_ || bytes.size() > room;
  kept_.append(bytes.substr(0, room));
}

void MemberPieces::value_over(std::string_view text) {
  const Step inside = step_;
  if (inside == Step::in_key) {
    key_ = too_large_ || text.size() > longest_key ? std::string() : std::string(unquoted(text));
    step_ = Step::colon;
    return;
  }
  const bool element = inside == Step::in_element;
  step_ = element ? Step::after_element : Step::after_value;
  if (element || interest_ != Interest::skip) ports_.piece({key_, text, too_large_, element});
  if (kept_.capacity() > 256 * 1024) kept_ = std::string();
}

// ---- ListPieces

ListPieces::ListPieces(std::function<void(const ObjectText&)> item)
    : item_(std::move(item)),
      pieces_({[this](std::string_view key) {
                 if (key == "items") {
                   has_items_ = true;
                   return MemberPieces::Interest::elements;
                 }
                 const bool wanted = key == "kind" || key == "metadata";
                 return wanted ? MemberPieces::Interest::whole : MemberPieces::Interest::skip;
               },
               [this](const MemberPieces::Piece& piece) { take(piece); }, [this] { ++objects_; }}) {}

void ListPieces::take(const MemberPieces::Piece& piece) {
  if (piece.element) {
    item_({piece.text, piece.too_large});
  } else if (piece.key == "items") {
    has_items_ = piece.text == "null";  // of a list without any
  } else if (piece.key == "kind") {
    facts_.kind = unquoted(piece.text).substr(0, longest_word);
  } else if (piece.text.size() <= 2 * longest_token) {
    const Tree metadata = Tree::from_json(piece.text);
    const auto text = [&](std::string_view name) {
      const std::string_view found = metadata.root()[name].text();
      return std::string(found.size() <= longest_token ? found : std::string_view());
    };
    facts_.resource_version = text("resourceVersion");
    facts_.continue_token = text("continue");
  }
}

bool ListPieces::whole() const {
  return objects_ == 1 && pieces_.between() && has_items_ && facts_.kind.ends_with("List") &&
         !facts_.resource_version.empty();
}

// ---- WatchPieces

WatchPieces::WatchPieces(std::function<void(const EventText&)> event)
    : event_(std::move(event)),
      pieces_({[](std::string_view key) {
                 const bool wanted = key == "type" || key == "object";
                 return wanted ? MemberPieces::Interest::whole : MemberPieces::Interest::skip;
               },
               [this](const MemberPieces::Piece& piece) { take(piece); },
               [this] {
                 tell();
                 told_ = false;
                 type_.clear();
               }}) {}

void WatchPieces::take(const MemberPieces::Piece& piece) {
  if (piece.key == "type") {
    type_ = unquoted(piece.text).substr(0, longest_word);
  } else if (!type_.empty()) {
    // As a rule the type comes first; then nothing is copied.
    if (!told_) event_({type_, {piece.text, piece.too_large}});
    told_ = true;
  } else {
    object_ = piece.text;
    too_large_ = piece.too_large;
    has_object_ = true;
  }
}

void WatchPieces::tell() {
  if (has_object_ && !told_ && !type_.empty()) event_({type_, {object_, too_large_}});
  has_object_ = false;
  object_ = std::string();
}

}  // namespace gatehouse::kubernetes
