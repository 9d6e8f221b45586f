"""Random draws: they have no derivative, and each is made once, in the order of the function."""
import numpy as np

from ..primitive import drawn

drawn(*(getattr(np.random, name) for name in """beta binomial chisquare choice dirichlet exponential f gamma geometric gumbel
    hypergeometric laplace logistic lognormal logseries multinomial negative_binomial noncentral_chisquare normal pareto
    permutation poisson power rand randint randn random random_sample ranf rayleigh sample seed standard_cauchy
    standard_exponential standard_gamma standard_normal standard_t triangular uniform vonmises wald weibull zipf""".split()))
