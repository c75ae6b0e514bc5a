"""The real bot under a day's load in minutes: many servers, steady news, busy readers, an unreliable Discord."""
