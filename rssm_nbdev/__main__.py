"`python -m rssm_nbdev` is the shell command `rssm`"
from .cli.use import main

if __name__ == '__main__':
    main()
