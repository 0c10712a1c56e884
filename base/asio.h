// The short names of Boost.Asio that the project uses everywhere.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

namespace gatehouse {

namespace asio = boost::asio;
using boost::system::error_code;

template <class T>
using Awaitable = asio::awaitable<T>;

// Any connected byte socket: TCP in service, a local pair in tests.
using Socket = asio::generic::stream_protocol::socket;

}  // namespace gatehouse
