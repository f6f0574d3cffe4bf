/* Addresses of live streams: what they look like, and what is shown of them. Used inside video/ and data/ only. */
#ifndef VIDEO_ADDRESS_H
#define VIDEO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it is one: rtsp://..., http://... and so on, or v4l2:DEVICE. */
bool address_is(const char *text);

/* The address without user and password, for sentences, rows and file names. */
void address_shown(const char *address, char *text, size_t size);

#endif
