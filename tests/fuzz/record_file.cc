// A file of the storage, its checksum right: what is read is written and read again as the same, as a record and as
// the value that it stands for. The first byte is the kind of record.
#include "acme/record_file.h"

#include "acme/record_coding.h"
#include "tests/fuzz/promise.h"
#include "tls/digest.h"

namespace {

using namespace gatehouse;
using namespace gatehouse::acme;

constexpr const char* record_name_of_file = "a";

void check_record(const Record& record) {
  const auto text = file_text(record);
  promise(static_cast<bool>(text), "what was read can be written");
  const auto again = parse_file_text(*text, record.kind, record.name);
  promise(again && *again == record, "a record survives being written");
}

template <class Value, class Write, class Read>
void check_value(const Result<Value>& value, Write write, Read read) {
  if (!value) return;
  const Record record = write(*value);
  check_record(record);
  const auto again = read(record);
  promise(again && *again == *value, "a value survives being written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto kind = static_cast<RecordKind>(data[0] % 4);
  const std::string rest = "Record: " + std::string(kind_name(kind)) + " " + record_name_of_file + "\n" +
                           std::string(as_text(data + 1, size - 1));
  const std::string checksum = tls::hex(tls::digest(tls::Hash::sha256, rest));
  const auto record = parse_file_text("Checksum: sha256 " + checksum + "\n" + rest, kind, record_name_of_file);
  if (!record) return 0;
  check_record(*record);
  const auto write = [](const auto& value) { return to_record(value); };
  const auto write_account = [](const Account& value) { return to_record(value, "le"); };
  check_value(account(*record), write_account, [](const Record& r) { return account(r); });
  check_value(pending_order(*record), write, [](const Record& r) { return pending_order(r); });
  check_value(stored_certificate(*record), write, [](const Record& r) { return stored_certificate(r); });
  check_value(ledger(*record), write, [](const Record& r) { return ledger(r); });
  return 0;
}
