# Before a program: calls its function, and makes lists of what has items but no length, as OpenELM does.
def samara_call():
    value = globals()[SAMARA_FUNCTION]()
    if type(value) is range or hasattr(value, "__iter__") and not hasattr(value, "__len__"):
        value = list(value)
    return value
