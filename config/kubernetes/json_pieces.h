// The objects in an API server's answer, each as raw text the moment it is whole, out of a stream of bytes cut
// anywhere: the elements of a list's `items`, and the events of a watch. ◦
//
// No tree of the whole is built, so a list of any length costs one object of memory: at most `largest_object`. A larger
// one is passed over and told with its beginning, from which its name may be read; it costs only itself. Brackets are
// counted, not understood: whether a piece is JSON is for its reader to say. Everything around the pieces is checked,
// so that an HTML page or half an answer is never taken for an empty list.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

// etcd takes 1.5 MiB of an object; as JSON it may be longer.
constexpr std::size_t largest_object = 3 * 1024 * 1024;

// Finds the end of one JSON value.
class ValueEnd {
 public:
  // `first`: the value's first byte. False when no value begins so.
  bool start(char first);
  // How many of the bytes, which follow those seen before, belong to the value. All of them: it may go on.
  std::size_t feed(std::string_view bytes);
  bool reached() const { return reached_; }

 private:
  enum class Form : std::uint8_t { nested, text, word };
  std::size_t feed_nested(std::string_view bytes);
  std::size_t feed_text(std::string_view bytes);
  std::size_t feed_word(std::string_view bytes);

  Form form_ = Form::word;
  bool in_text_ = false, escaped_ = false, reached_ = false;
  std::size_t depth_ = 0;
};

// The members of JSON objects that come one after the other.
class MemberPieces {
 public:
  enum class Interest : std::uint8_t { skip, whole, elements };

  struct Piece {
    std::string_view key;  // of the member
    std::string_view text;  // the value or element; when too large its beginning
    bool too_large = false;
    bool element = false;  // one of a list
  };

  struct Ports {
    std::function<Interest(std::string_view key)> interest;
    // Of a member of interest `elements` whose value is no list the value comes whole.
    std::function<void(const Piece&)> piece;
    std::function<void()> object_end;
  };

  explicit MemberPieces(Ports ports) : ports_(std::move(ports)) {}

  // False when this is no JSON; what comes then is not looked at.
  bool feed(std::string_view bytes);
  // Between two objects.
  bool between() const { return step_ == Step::outside; }
  bool failed() const { return step_ == Step::failed; }

 private:
  enum class Step : std::uint8_t {
    outside,
    first_key,
    key,
    in_key,
    colon,
    value,
    in_value,
    after_value,
    first_element,
    element,
    in_element,
    after_element,
    failed,
  };

  std::size_t feed_value(std::string_view bytes);
  void turn(char byte);
  void begin(char byte, Step inside);
  void begin_value(char byte);
  void value_over(std::string_view last);
  void keep(std::string_view bytes);

  Ports ports_;
  Step step_ = Step::outside;
  ValueEnd end_;
  std::string key_;
  Interest interest_ = Interest::skip;
  std::string kept_;  // of the value, what came in earlier pieces
  bool too_large_ = false;
};

// A piece that is an object.
struct ObjectText {
  std::string_view text;
  bool too_large = false;  // then `text` is its beginning
};

// What a list says of itself, with its `items` taken out.
struct ListFacts {
  std::string kind;
  std::string resource_version;
  std::string continue_token;
};

class ListPieces {
 public:
  explicit ListPieces(std::function<void(const ObjectText&)> item);
  ListPieces(const ListPieces&) = delete;
  ListPieces& operator=(const ListPieces&) = delete;

  bool feed(std::string_view bytes) { return pieces_.feed(bytes); }
  // The list came to its end, was one, and says which version it is. Else nothing may be concluded from what it
  // does not have.
  bool whole() const;
  const ListFacts& facts() const { return facts_; }

 private:
  void take(const MemberPieces::Piece& piece);

  std::function<void(const ObjectText&)> item_;
  ListFacts facts_;
  bool has_items_ = false;
  int objects_ = 0;
  MemberPieces pieces_;
};

struct EventText {
  std::string_view type;  // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  ObjectText object;
};

class WatchPieces {
 public:
  explicit WatchPieces(std::function<void(const EventText&)> event);
  WatchPieces(const WatchPieces&) = delete;
  WatchPieces& operator=(const WatchPieces&) = delete;

  bool feed(std::string_view bytes) { return pieces_.feed(bytes); }
  bool failed() const { return pieces_.failed(); }
  // Not within an event.
  bool between() const { return pieces_.between(); }

 private:
  void take(const MemberPieces::Piece& piece);
  void tell();

  std::function<void(const EventText&)> event_;
  std::string type_, object_;
  bool has_object_ = false, too_large_ = false, told_ = false;
  MemberPieces pieces_;
};

}  // namespace gatehouse::kubernetes
