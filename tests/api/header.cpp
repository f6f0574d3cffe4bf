// engram.h is C++ as well, and its functions are found under their C names.
#include <engram.h>

#include <cstring>

int main()
{
    engram_error error = engram_error();
    engram_model *model = nullptr;
    int code = engram_model_load("there/is/no/such/model", &model, &error);
    return code == ENGRAM_IO && !model && std::strstr(error.message, "there/is/no/such/model") ? 0 : 1;
}
