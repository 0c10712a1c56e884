// The words of Problem::reason: why, in one word that programs can act on and that becomes the reason of a Kubernetes
// Event (CamelCase, as the API wants it). What is not in this table has no reason, and is for the log only.
#pragma once

#include <string_view>

namespace gatehouse::reasons {

// What an object names and cannot be used.
inline constexpr std::string_view secret_not_found = "SecretNotFound";
inline constexpr std::string_view invalid_secret = "InvalidSecret";
inline constexpr std::string_view certificate_mismatch = "CertificateMismatch";  // it does not name the host
inline constexpr std::string_view service_not_found = "ServiceNotFound";
inline constexpr std::string_view port_not_found = "PortNotFound";
inline constexpr std::string_view entry_point_not_found = "EntryPointNotFound";
inline constexpr std::string_view resolver_not_found = "ResolverNotFound";
inline constexpr std::string_view tls_options_not_found = "TLSOptionsNotFound";
inline constexpr std::string_view unsupported_backend = "UnsupportedBackend";
inline constexpr std::string_view invalid_endpoint = "InvalidEndpoint";  // an address that is not dialled

// What became of a certificate that was asked for, and of the addresses an Ingress shows.
inline constexpr std::string_view certificate_issued = "CertificateIssued";
inline constexpr std::string_view certificate_failed = "CertificateFailed";
inline constexpr std::string_view status_contested = "StatusContested";

// What somebody else has, or the settings do not grant.
inline constexpr std::string_view conflicting_host = "ConflictingHost";
inline constexpr std::string_view conflicting_certificate = "ConflictingCertificate";
inline constexpr std::string_view conflicting_tls_options = "ConflictingTLSOptions";
inline constexpr std::string_view host_not_allowed = "HostNotAllowed";
inline constexpr std::string_view not_allowed = "NotAllowed";

// What the object itself says wrongly.
inline constexpr std::string_view unsupported_annotation = "UnsupportedAnnotation";
inline constexpr std::string_view unsupported_field = "UnsupportedField";
inline constexpr std::string_view invalid_rule = "InvalidRule";
inline constexpr std::string_view invalid_object = "InvalidObject";  // it could not be read

}  // namespace gatehouse::reasons
