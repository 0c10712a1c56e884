// OpenSSL's objects as owning handles. Names no OpenSSL header itself, so that headers of this folder can hold
// handles without showing OpenSSL to those who include them; sources of this folder include what they call.
//
// The error queue is per thread and OpenSSL expects it empty before reads and writes. Rule of this folder: whoever
// calls something that may fail leaves the queue empty, with take_error() or clear_errors().
#pragma once

#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>

struct bio_st;
struct evp_cipher_st;
struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_st;
struct stack_st_X509;
struct x509_st;

namespace gatehouse::tls {

struct Free {
  void operator()(bio_st* bio) const;
  void operator()(evp_cipher_st* cipher) const;
  void operator()(evp_pkey_st* key) const;
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_st* ssl) const;
  void operator()(stack_st_X509* chain) const;
  void operator()(x509_st* certificate) const;
};

template <class T>
using Handle = std::unique_ptr<T, Free>;

using BioHandle = Handle<bio_st>;
using CipherHandle = Handle<evp_cipher_st>;
using KeyHandle = Handle<evp_pkey_st>;
using SslContextHandle = Handle<ssl_ctx_st>;
using SslHandle = Handle<ssl_st>;
using ChainHandle = Handle<stack_st_X509>;
using X509Handle = Handle<x509_st>;

// The oldest error in the queue (the cause of the later ones) in OpenSSL's words; empties the queue.
std::string take_error();
void clear_errors();

// "what: OpenSSL's words"
Failure openssl_failure(FailureKind kind, std::string_view what);

// A BIO that reads `text` in place; `text` outlives it. Null when text is larger than OpenSSL can take.
BioHandle reading_bio(std::string_view text);
// What was written to a memory BIO.
std::string written(bio_st& memory);
BioHandle writing_bio();

}  // namespace gatehouse::tls
