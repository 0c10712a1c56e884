// Values to records and back. The way back is strict: a record that does not say exactly what it has to is a
// bad_configuration that names the field; sizes are bounded, so a hostile record costs little.
#pragma once

#include "acme/ledger.h"
#include "acme/records.h"
#include "base/result.h"

#include <string_view>

namespace gatehouse::acme {

constexpr std::size_t max_names = 100;  // of a certificate: Let's Encrypt's limit

// Record names are file names that a person recognises, of [a-z0-9._-], and end in a hash of what they stand for, so
// that no two things ever have one name: `letsencrypt-wildcard.example.com-0c2a…`. Any order of the names gives the
// same certificate name, but the main one shows.
std::string record_name(std::string_view resolver, const std::vector<HostName>& names);
std::string account_record_name(std::string_view resolver, std::string_view ca);
std::string ledger_record_name(std::string_view ca);

Record to_record(const Account& account, std::string_view resolver);
Record to_record(const PendingOrder& order);
Record to_record(const StoredCertificate& certificate);
Record to_record(const Ledger& ledger);
Record to_record(const PendingAnswer& answer);

Result<Account> account(const Record& record);
Result<PendingOrder> pending_order(const Record& record);
Result<StoredCertificate> stored_certificate(const Record& record);
Result<Ledger> ledger(const Record& record);
Result<PendingAnswer> pending_answer(const Record& record);

}  // namespace gatehouse::acme
