#pragma once

// A slow and obvious model of one queue: a vector of messages and linear scans. It is told what a host does
// and what the engine answers, and says what is wrong with it. Rule numbers are those of the rules of the
// queue.

#include "queue_model_checks.hpp"
#include "queue_model_puts.hpp"
#include "queue_model_reopen.hpp"
#include "queue_model_settle.hpp"
#include "queue_model_time.hpp"
