// Result<T>: a value or a Failure. IoResult<T>: a value or the system's error code, for the layers that do
// not know yet whose fault an error is.
#pragma once

#include "base/asio.h"
#include "base/failure.h"

#include <boost/system/result.hpp>

namespace gatehouse {

template <class T>
using Result = boost::system::result<T, Failure>;

template <class T>
using IoResult = boost::system::result<T>;

}  // namespace gatehouse
