// gzip and HTTP chunks.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::kubernetes::fake {

std::string gzip_text(std::string_view text);
std::string chunk(std::string_view text);

}  // namespace gatehouse::kubernetes::fake
