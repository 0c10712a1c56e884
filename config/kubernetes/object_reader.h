// One document, or one item of a List, as an object. Pure.
#pragma once

#include "config/kubernetes/manifest.h"
#include "config/kubernetes/tree.h"

#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

struct ObjectSource {
  std::shared_ptr<const std::string> file;  // null: the API server

  std::string file_name() const { return file ? *file : std::string(); }
};

struct ObjectType {
  std::string_view api_version;
  std::string_view kind;
};

// Adds the object to `parsed`, or the complaint that names file, line, object and field. Kinds that other programs
// read are passed over, the well-known ones in silence.
void read_object(const Value& value, ObjectType type, const ObjectSource& source, ParsedManifest& parsed);

// RFC 4648 §4 with padding; line breaks allowed, nothing else. Nothing when it is not that.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace gatehouse::kubernetes
