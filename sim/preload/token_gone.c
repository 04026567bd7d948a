/*
 * A PKCS#11 module that stands before a real one (TOKEN_MODULE) and whose token is pulled out in the middle of signing:
 * C_Sign answers that the device was removed. For tests (attack E6); linked into nothing.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

static CK_FUNCTION_LIST functions;

static CK_RV sign_gone(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
                       CK_ULONG *signature_len)
{
    (void)session;
    (void)data;
    (void)data_len;
    (void)signature;
    (void)signature_len;
    return CKR_DEVICE_REMOVED;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    typedef CK_RV get_list_fn(CK_FUNCTION_LIST **);
    const char *path = getenv("TOKEN_MODULE");
    void *module = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    void *found = module != NULL ? dlsym(module, "C_GetFunctionList") : NULL;
    get_list_fn *get;
    CK_FUNCTION_LIST *real = NULL;
    memcpy(&get, &found, sizeof get); /* ISO C has no cast from object to function pointer */
    if (found == NULL || get(&real) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    functions = *real;
    functions.C_Sign = sign_gone;
    *list = &functions;
    return CKR_OK;
}
