# expect: syntax
Sure! Here is a program:
```python
def main(): return 1
```
