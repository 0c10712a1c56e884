#include "config/kubernetes/manifest.h"

#include "config/kubernetes/object_reader.h"
#include "config/kubernetes/tree.h"

namespace gatehouse::kubernetes {
namespace {

struct Piece {
  std::string_view text;
  int first_line;
};

bool is_marker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

bool says_nothing(std::string_view line) {
  const auto start = line.find_first_not_of(" \t\r");
  return start == std::string_view::npos || line[start] == '#' || line[0] == '%' || is_marker(line, "---") ||
         is_marker(line, "...");
}

// The documents of a file, each with its `---` line; those without content are left out. YAML gives `---` at the
// start of a line no other meaning, not even inside a block of text (YAML 1.2 §9.1.2).
std::vector<Piece> split_documents(std::string_view text) {
  std::vector<Piece> pieces;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t start = 0;
  int start_line = 1, line_number = 1;
  bool has_content = false;
  const auto close = [&](std::size_t end, int next_line) {
    if (has_content) pieces.push_back({text.substr(start, end - start), start_line});
    start = end;
    start_line = next_line;
    has_content = false;
  };
  for (std::size_t at = 0; at < text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t next = std::min(end + 1, text.size());
    if (is_marker(line, "---")) close(at, line_number);
    if (!says_nothing(line) || (is_marker(line, "---") && !says_nothing(line.substr(3)))) has_content = true;
    if (is_marker(line, "...")) close(next, line_number + 1);
    at = next;
  }
  close(text.size(), line_number);
  return pieces;
}

// An `items:` list of a List, or of an IngressList and the like, whose items may leave out what they are.
void read_list(const Value& list, std::string_view kind, const ObjectSource& source, ParsedManifest& parsed) {
  const std::string_view item_kind = kind.substr(0, kind.size() - 4);
  for (const Value item : list["items"])
    read_object(item,
                {item["apiVersion"].given() ? item["apiVersion"].text() : list["apiVersion"].text(),
                 item["kind"].given() ? item["kind"].text() : item_kind},
                source, parsed);
}

void read_document(const Piece& piece, const ObjectSource& source, ParsedManifest& parsed) {
  const Tree tree(piece.text, piece.first_line);
  if (!tree.failure().words.empty()) {
    parsed.damaged = true;
    if (parsed.problems.size() >= most_problems) return;
    parsed.problems.push_back(
        {*source.file, tree.failure().line, tree.failure().column, Severity::error, "", tree.failure().words});
    return;
  }
  const Value root = tree.root();
  if (!root.given()) return;
  const std::string_view kind = root["kind"].text();
  if (kind.ends_with("List") && root["items"].is_list())
    read_list(root, kind, source, parsed);
  else
    read_object(root, {root["apiVersion"].text(), kind}, source, parsed);
}

}  // namespace

ParsedManifest parse_manifest(std::string_view text, std::string_view file) {
  ParsedManifest parsed;
  const ObjectSource source{std::make_shared<const std::string>(file)};
  for (const Piece& piece : split_documents(text)) read_document(piece, source, parsed);
  return parsed;
}

}  // namespace gatehouse::kubernetes
