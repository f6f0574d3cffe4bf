/* The version that goes into the files engram writes; include/engram.h has the same. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define BASE_VERSION "0.1.0"

#endif
