#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the SHA extensions. Without them none of the other functions may be called.
bool nrx_sha256_is_available(void);

/// SHA-256 of `count` bytes, into the 32 bytes at `digest`.
void nrx_sha256(const void *bytes, size_t count, uint8_t *digest);

/// SHA-256(0x00 || entry) of 32 bytes: a leaf of RFC 6962.
void nrx_sha256_leaf(const uint8_t *entry, uint8_t *digest);

/// SHA-256(0x01 || left || right) of 32 bytes each: a node of RFC 6962.
void nrx_sha256_node(const uint8_t *left, const uint8_t *right, uint8_t *digest);
