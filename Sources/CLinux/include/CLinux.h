#pragma once

// Every header of this target: what Swift sees with `import CLinux`.
#include "file.h"
#include "init_protocol.h"
#include "memory.h"
#include "process.h"
#include "thread.h"
#include "workspace.h"
